/** What the first login runs on the machine, as root, to make a host key of its own. */
import { createHash } from 'node:crypto';
import { type PublicKey, parsePublicKey } from '../lib/public-key.ts';
import { quoteCommand } from '../lib/shell-quote.ts';

/*
 * The new key is made, synced to disk and shown, but put in place only after the word `install` has come back: by then
 * this side has its public half on disk. So the machine never shows a key that we don't know, wherever either side dies.
 * A run that was cut off leaves the made key (the "stage"), and the next run shows the same one; once a public half is
 * known to us, no other is taken.
 *
 * The stage is named `ssh_host_*key*`, because that is what cloud-init deletes on a clone, and after the injected key, so
 * that nothing but this instance's own run can find it.
 */
const script = `
set -u
umask 077
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
mark=$1 want=$3 key=/etc/ssh/ssh_host_ed25519_key pidfile=/run/sshd.pid
stage=$key.spuff-$2
say() { printf '%s %s\\n' "$mark" "$*"; }
fail() { say fail "$*"; exit 1; }
show() { ssh-keygen -y -P '' -f "$1" 2>/dev/null | cut -d' ' -f1,2; }
check() {
  number=$1
  shift
  out=$("$@" 2>&1 </dev/null 9>&-) && return
  status=$?
  printf '%s\\n' "$out" | tail -n 20 | sed "s/^/$mark output /"
  say check "$number $status"
  exit 1
}
identify() { stat -c '%i %y' "$pidfile" 2>/dev/null; }
reload() {
  pid=
  read -r pid 2>/dev/null <"$pidfile"
  if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = sshd ]; then
    before=$(identify)
    kill -HUP "$pid" || fail reload
    tries=0
    # sshd writes the file anew once it listens again.
    while now=$(identify); [ -z "$now" ] || [ "$now" = "$before" ]; do
      tries=$((tries + 1))
      [ $tries -le 500 ] || fail reload
      sleep 0.01
    done
  else
    systemctl reload ssh.service 2>/dev/null || systemctl reload sshd.service 2>/dev/null || fail reload
    sleep 1
  fi
}

exec 9>>/run/spuff-host-key.lock || fail lock
flock -w 15 9 || fail busy
new=
[ -n "$want" ] && [ "$(show "$key")" = "$want" ] && new=$want
if [ -z "$new" ]; then
  [ -f "$stage" ] && new=$(show "$stage")
  if [ -n "$want" ] && [ "$new" != "$want" ]; then fail lost; fi
  if [ -z "$new" ]; then
    rm -f "$stage" "$stage.pub"
    ssh-keygen -q -t ed25519 -N '' -C "$(uname -n)" -f "$stage" </dev/null >/dev/null || fail make
    sync "$stage" "$stage.pub" /etc/ssh || fail sync
    new=$(cut -d' ' -f1,2 "$stage.pub")
  fi
fi
flock -u 9
say key "$new"
sshd -t 2>/dev/null || fail config
# checks
word=
read -r word
[ "$word" = install ] || exit 3
flock -w 15 9 || fail busy
if [ "$(show "$stage")" = "$new" ]; then
  [ -f "$stage.pub" ] && mv -f "$stage.pub" "$key.pub"
  mv -f "$stage" "$key" && sync "$key" /etc/ssh || fail install
elif [ "$(show "$key")" != "$new" ]; then
  fail lost
fi
reload
say done
`;

export interface RotationRequest {
  /** Starts every line that is ours, so that nothing a login shell prints is taken for it. */
  mark: string;
  injectedPublicKey: string;
  /** The public half that we already know, or null when the machine has not shown one yet. */
  knownPublicKey: string | null;
  /** Run as root, each must exit 0, before the key is put in place. */
  checks: readonly (readonly string[])[];
}

/** The command line for the login shell. */
export function buildRotation(request: RotationRequest): string {
  const checks = request.checks.map((argv, index) => `check ${index} ${quoteCommand(argv)}`);
  const stage = createHash('sha256').update(plain(request.injectedPublicKey)).digest('hex').slice(0, 16);
  const known = request.knownPublicKey === null ? '' : plain(request.knownPublicKey);
  const text = script.replace('# checks', () => checks.join('\n'));
  return `exec ${quoteCommand(['sudo', '-n', 'sh', '-c', text, 'spuff', request.mark, stage, known])}`;
}

/** What one line of the machine's says. */
export type RotationEvent =
  | { kind: 'key'; key: PublicKey }
  | { kind: 'done' }
  | { kind: 'output'; text: string }
  | { kind: 'check-failed'; index: number; exitCode: number }
  | { kind: 'failed'; reason: string };

/**
 * Reads one line of standard output; null for a line that is not ours.
 * @returns `failed` with the reason `protocol` for one that bears the mark and can't be understood
 */
export function parseRotationLine(line: string, mark: string): RotationEvent | null {
  if (!line.startsWith(`${mark} `)) return null;
  const [word = '', rest = ''] = line.slice(mark.length + 1).split(/ (.*)/s);
  const unreadable: RotationEvent = { kind: 'failed', reason: 'protocol' };
  switch (word) {
    case 'key': {
      const key = parsePublicKey(rest);
      return key?.type === 'ssh-ed25519' && key.line === rest ? { kind: 'key', key } : unreadable;
    }
    case 'done':
      return { kind: 'done' };
    case 'output':
      return { kind: 'output', text: rest };
    case 'check': {
      const match = /^(\d{1,4}) (\d{1,3})$/.exec(rest);
      return match
        ? { kind: 'check-failed', index: Number(match[1]), exitCode: Number(match[2]) }
        : unreadable;
    }
    case 'fail':
      return { kind: 'failed', reason: /^[a-z]+$/.test(rest) ? rest : 'protocol' };
    default:
      return unreadable;
  }
}

function plain(publicKey: string): string {
  const parsed = parsePublicKey(publicKey);
  if (!parsed) throw new TypeError('not a public key');
  return parsed.line;
}
