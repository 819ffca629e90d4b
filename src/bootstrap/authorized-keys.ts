/** Who may log in on a machine: a fixed program for its login user that reads and changes `~/.ssh/authorized_keys`. */
import { createHash } from 'node:crypto';

/*
 * A line that holds a key is found as sshd finds it: options, which may hold blanks in quotes, then type and base64
 * (sshd(8), AUTHORIZED_KEYS FILE FORMAT). Every other line, comments too, goes through as it is. Keys come in the
 * environment, one a line: base64 needs no escapes there.
 */
const filter = `
function key_of(line,   i, c, quoted, word) {
  sub(/^[ \\t]+/, "", line)
  if (line == "" || line ~ /^#/) return ""
  plain = line ~ /^(ssh|ecdsa|sk)-[a-z0-9@.-]+[ \\t]/
  if (!plain) {
    for (i = 1; i <= length(line); i++) {
      c = substr(line, i, 1)
      if (c == "\\\\" && substr(line, i + 1, 1) == "\\"") i++
      else if (c == "\\"") quoted = !quoted
      else if ((c == " " || c == "\\t") && !quoted) break
    }
    line = substr(line, i)
    sub(/^[ \\t]+/, "", line)
  }
  split(line, word, /[ \\t\\r]+/)
  return word[2] == "" ? "" : word[1] " " word[2]
}
BEGIN {
  count = split(ENVIRON["SPUFF_KEYS"], list, "\\n")
  for (i = 1; i <= count; i++) if (list[i] != "") named[list[i]] = 1
  removes = ENVIRON["SPUFF_MODE"] != "add"
}
{
  key = key_of($0)
  if (key != "" && key in named) {
    if (removes) next
    if (plain) there[key] = 1
  }
  if (key != "") left++
  print
}
END {
  if (!removes) for (key in named) if (!(key in there)) { print key; left++ }
  if (!left && ENVIRON["SPUFF_MODE"] != "force") exit 9
}
`;

/*
 * The file is replaced in one step, by one with its owner, group and mode; a link is followed, so that it stays one. What
 * a run that was cut off has left is removed under the lock.
 */
const script = `
set -u
umask 077
LC_ALL=C
export LC_ALL
SPUFF_MODE=$1 filter=$2
shift 2
IFS='
'
SPUFF_KEYS="$*"
unset IFS
export SPUFF_MODE SPUFF_KEYS
fail() { [ -z "\${new-}" ] || rm -f "$new"; printf 'spuff-keys fail %s\\n' "$1"; exit 1; }
file=$(readlink -f "$HOME/.ssh/authorized_keys") && [ -f "$file" ] || fail missing
directory=\${file%/*}
exec 9<"$directory" && flock -w 15 9 || fail busy
rm -f "$file".spuff-??????
facts=$(stat -c '%u %g %a' "$file") || fail read
new=$(mktemp "$file.spuff-XXXXXX") && cp -p "$file" "$new" || fail write
awk "$filter" "$file" >"$new"
status=$?
[ $status -ne 9 ] || fail last
[ $status -eq 0 ] || fail write
[ "$(stat -c '%u %g %a' "$new")" = "$facts" ] || fail owner
if cmp -s "$file" "$new"; then
  rm -f "$new"
  printf 'spuff-keys same\\n'
else
  sync "$new" && mv -f "$new" "$file" && sync "$directory" || fail write
  printf 'spuff-keys changed\\n'
fi
`;

/**
 * What the login user runs: `add` puts each key behind the others unless it is there without options, `remove` takes every
 * line of them away and refuses to take the last key that is left, `force` does not refuse.
 * @param publicKeys type and base64, without comments
 */
export function buildKeyChange(
  mode: 'add' | 'remove' | 'force',
  publicKeys: readonly string[],
): readonly string[] {
  for (const key of publicKeys) {
    if (!/^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$/.test(key)) throw new TypeError('not a bare public key');
  }
  return ['sh', '-c', script, 'spuff', mode, filter, ...publicKeys];
}

/** What it says at its end: whether the file is another one now, or why not. */
export function readKeyChange(output: string): 'changed' | 'same' | { reason: string } {
  const [, word = '', reason = ''] = /^spuff-keys (changed|same|fail) ?([a-z]*)$/m.exec(output) ?? [];
  if (word === 'changed' || word === 'same') return word;
  return { reason: reasons[reason] ?? 'it broke off' };
}

const reasons: Readonly<Record<string, string>> = {
  missing: 'it has no ~/.ssh/authorized_keys',
  busy: 'something else is changing its keys',
  read: 'its keys can not be read',
  write: 'its keys can not be written: see whether its disk is full',
  owner: 'its ~/.ssh/authorized_keys belongs to another user or group',
  last: 'no key would be left',
};

/** Shows the file, for `readAuthorizedKeys`. */
export const showKeysCommand: readonly string[] = [
  'sh',
  '-c',
  'exec cat -- "$HOME/.ssh/authorized_keys"',
  'spuff',
];

export interface AuthorizedKey {
  /** Type and base64. */
  publicKey: string;
  /** `SHA256:…`, as OpenSSH prints it. */
  fingerprint: string;
}

/** The keys that the file lets in, in its order. */
export function readAuthorizedKeys(text: string): AuthorizedKey[] {
  return text.split('\n').flatMap((line) => {
    if (/^\s*#/.test(line)) return [];
    const bare = line.replace(/"(?:\\"|[^"])*"/g, '""');
    const [, type, blob] =
      /(?:^|[ \t])((?:ssh|ecdsa|sk)-[a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t\r]|$)/.exec(bare) ?? [];
    if (type === undefined || blob === undefined) return [];
    const digest = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64');
    return [{ publicKey: `${type} ${blob}`, fingerprint: `SHA256:${digest.replace(/=+$/, '')}` }];
  });
}
