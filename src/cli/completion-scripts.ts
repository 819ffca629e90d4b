/**
 * What a shell loads to complete `spuff`. Each hands the words over as they were typed and evaluates none of them: a
 * command substitution on the line must not run because someone pressed the tab key.
 */
export type ShellName = 'bash' | 'zsh' | 'fish';

/** The hidden first argument that the scripts call spuff with. */
export const completeWord = '__complete';

/** The last line of an answer after which the shell adds files of its own. */
export const filesLine = ':files';

// Bash splits words at `:` and `=` too, so it hands over the line, and its own idea of the word to be replaced.
const bash = `# bash completion for spuff: source <(spuff completion bash)
_spuff_complete() {
    local line cut word=$2 IFS=$'\\n'
    [[ $word == [:=] ]] && word=
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == '${filesLine}' ]]; then
            while IFS= read -r line; do
                COMPREPLY+=("$line")
                compopt -o filenames 2>/dev/null
            done < <(compgen -f -- "$word")
        else
            cut=\${line%%$'\\t'*}
            [[ $cut == *: ]] && compopt -o nospace 2>/dev/null
            COMPREPLY+=("$cut")
        fi
    done < <(command spuff ${completeWord} line "$COMP_LINE" "$COMP_POINT" "$word" 2>/dev/null)
}
complete -F _spuff_complete spuff
`;

// (Q) takes the quotes off a word without expanding anything in it.
const zsh = `#compdef spuff
# zsh completion for spuff: source <(spuff completion zsh), after compinit
_spuff() {
    local line value about
    local -a plain open
    local files=0
    while IFS= read -r line; do
        if [[ $line == '${filesLine}' ]]; then
            files=1
            continue
        fi
        value=\${line%%$'\\t'*}
        about=\${line#*$'\\t'}
        if [[ $value == *: ]]; then
            open+=("$value")
        elif [[ -n $about ]]; then
            plain+=("\${value//:/\\\\:}:$about")
        else
            plain+=("\${value//:/\\\\:}")
        fi
    done < <(command spuff ${completeWord} words "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)
    (( \${#plain} )) && _describe -t spuff spuff plain
    (( \${#open} )) && compadd -S '' -a open
    (( files )) && _files
    return 0
}
if [[ \${funcstack[1]} == _spuff ]]; then
    _spuff
else
    compdef _spuff spuff
fi
`;

const fish = `# fish completion for spuff: spuff completion fish | source
function __spuff_complete
    set -l before (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --cut-at-cursor --current-token)
    for line in (command spuff ${completeWord} words $before[2..-1] "$current" 2>/dev/null)
        if test "$line" = '${filesLine}'
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete --command spuff --erase
complete --command spuff --no-files --arguments '(__spuff_complete)'
`;

export const completionScripts: Readonly<Record<ShellName, string>> = { bash, zsh, fish };
