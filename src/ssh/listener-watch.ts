/** What listens on the machine, told by a small program there that ends when nobody hears it any more. */
import type { RemoteListener } from '../domain/tunnel.ts';
import { quoteCommand } from '../lib/shell-quote.ts';

/** Said after each complete list. */
const listEnd = 'spuff-list';
/** Said when it is asked whether it is there. */
export const pong = 'spuff-pong';

/**
 * Looks every 3 seconds and tells what is new, so that a machine where nothing happens stays as idle as it is. A byte on
 * standard input is answered; its end is the end of the program, however the other side went.
 * /proc/net/tcp (proc(5)): the second field is the local address, the fourth the state, 0A for LISTEN, the eighth the user, the
 * tenth the inode, which tells a listener from its successor. Names come from ss(8), which sees the user's own alone.
 */
const script = [
  'uid=$(id -u);old=none',
  'while :;do',
  `new=$(awk '$4=="0A"{print "listen",$2,$8,$10}' /proc/net/tcp /proc/net/tcp6 2>/dev/null)`,
  `if [ "$new" != "$old" ];then old=$new;printf 'user %s\\n%s\\n' "$uid" "$new";ss -Hltnp 2>/dev/null;echo ${listEnd};fi`,
  'byte=$(timeout 3 head -c 1)',
  `case $?:$byte in 124:*) ;;0:?) echo ${pong};;*) exit 0;;esac`,
  'done',
].join('\n');

/** One line for the login shell, whichever that is. */
export const watchCommand = `exec ${quoteCommand(['sh', '-c', script, 'spuff-tunnel'])}`;

/** What the machine says is bounded: it may be lying, and is still printed on nobody's terminal as it is. */
const mostListeners = 500;
const mostBytes = 256 * 1024;
const longestLine = 4_096;
const mostNameLength = 40;

export interface WatchReader {
  /** Takes what has come. */
  push(text: string): void;
}

/**
 * Reads what the program says. Anything else, such as the greeting of a login shell, is passed over, and so is what goes
 * beyond the bounds.
 */
export function createWatchReader(hear: {
  onListeners: (listeners: RemoteListener[]) => void;
  onPong: () => void;
}): WatchReader {
  let rest = '';
  let lines: string[] = [];
  let size = 0;
  const take = (line: string) => {
    if (line === pong) hear.onPong();
    else if (line === listEnd) {
      hear.onListeners(parseListeners(lines));
      lines = [];
      size = 0;
    } else if (line.length <= longestLine && size + line.length <= mostBytes) {
      lines.push(line);
      size += line.length;
    }
  };
  return {
    push(text) {
      const parts = (rest + text).split('\n');
      rest = (parts.pop() ?? '').slice(0, longestLine + 1);
      for (const line of parts) take(line);
    },
  };
}

/** What can be reached there as `localhost`, the lowest port first. Pure. */
export function parseListeners(lines: readonly string[]): RemoteListener[] {
  const user = lines.map((line) => /^user (\d{1,10})$/.exec(line)?.[1]).find((id) => id !== undefined);
  const names = new Map<number, string>();
  const found = new Map<number, boolean>();
  for (const line of lines) {
    const [, address = '', hexPort = '', owner] =
      /^listen ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) (\d{1,10}) \d+$/.exec(line) ?? [];
    const port = Number.parseInt(hexPort, 16);
    if (port > 0 && isLocalhost(address)) found.set(port, (found.get(port) ?? false) || owner === user);
    const [, namedPort, name] =
      /^LISTEN\s.*?:(\d{1,5})\s+\S+\s+users:\(\("(.{1,64}?)",pid=\d/.exec(line) ?? [];
    if (namedPort !== undefined && name !== undefined) names.set(Number(namedPort), name);
  }
  return [...found]
    .sort(([a], [b]) => a - b)
    .slice(0, mostListeners)
    .map(([port, isOwn]) => ({ port, isOwn, process: names.get(port)?.slice(0, mostNameLength) ?? null }));
}

/**
 * 127.0.0.1, ::1, or every address, in the kernel's notation: 32-bit words of the machine's byte order. Both orders are
 * taken; no machine has both.
 */
function isLocalhost(hex: string): boolean {
  return /^(?:0{8}|0100007F|7F000001|0{32}|0{24}01000000|0{24}00000001|0{16}(?:FFFF0000|0000FFFF)(?:0100007F|7F000001))$/.test(
    hex,
  );
}
