/**
 * How other spuff commands of the same user reach a running guard: one line of JSON asks, one answers, and the connection
 * ends. `{"op":"status"|"revoke"|"reload"}` gives `{"ok":true,"status":GuardStatus}` or `{"ok":false,"error":"…"}`.
 */
import type { Socket } from 'node:net';
import type { GuardCore } from './guard-core.ts';

const longestRequest = 1_024;
const timeoutMs = 5_000;

export function serveControl(socket: Socket, core: GuardCore): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.setTimeout(timeoutMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end >= 0) {
      socket.pause();
      void answer(text.slice(0, end), core).then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
    } else if (text.length > longestRequest) socket.destroy();
  });
}

async function answer(line: string, core: GuardCore): Promise<object> {
  try {
    const { op } = JSON.parse(line) as { op?: unknown };
    if (op === 'revoke') core.revoke();
    else if (op === 'reload') await core.reload();
    else if (op !== 'status') return { ok: false, error: 'there is no such operation' };
    return { ok: true, status: core.status() };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}
