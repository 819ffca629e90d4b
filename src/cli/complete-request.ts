import { escapeText } from '../lib/escape.ts';
import { completeLine } from './complete-line.ts';
import type { Completion, CompletionContext } from './completion.ts';
import { filesLine } from './completion-scripts.ts';

/**
 * Answers a completion script: a line `value<TAB>about` for each candidate, and `:files` last where files fit too.
 *
 * `words WORD... CURRENT` gives the words as the shell split them. `line LINE POINT CURRENT` gives bash's line, and the
 * part of the current word that bash replaces, which begins behind the last `:` or `=`.
 */
export async function answerCompletion(
  request: readonly string[],
  context: CompletionContext,
): Promise<string> {
  const [form, ...rest] = request;
  if (form === 'line') {
    const [line = '', point = '', replaced = ''] = rest;
    const [, ...words] = splitShellWords(line.slice(0, Number(point)));
    const current = words.pop() ?? '';
    const answer = await completeLine(words, current, context);
    const kept = current.endsWith(replaced) ? current.length - replaced.length : 0;
    return formatAnswer(answer, kept);
  }
  const current = rest.at(-1) ?? '';
  return formatAnswer(await completeLine(rest.slice(0, -1), current, context), 0);
}

function formatAnswer({ candidates, files }: Completion, kept: number): string {
  const lines = candidates.map(
    ({ value, about }) => `${value.slice(kept)}\t${escapeText(about, { singleLine: true })}`,
  );
  return [...lines, ...(files ? [filesLine] : [])].map((line) => `${line}\n`).join('');
}

/**
 * Splits a line as a POSIX shell would, without expanding anything. The last word is the one that the line ends in, ''
 * behind a space. An open quote reaches to the end.
 */
export function splitShellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (quote !== '' && char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) {
      quote = char;
      word ??= '';
    } else if (char === '\\' && quote !== "'" && at + 1 < line.length)
      word = (word ?? '') + line.charAt(++at);
    else if (quote === '' && /\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + char;
  }
  words.push(word ?? '');
  return words;
}
