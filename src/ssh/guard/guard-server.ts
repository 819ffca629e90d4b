/** A guard: two sockets in this process, one that ssh forwards, and one by which other spuff commands reach it. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditLog } from '../../domain/audit.ts';
import type { Guard, GuardOptions } from '../../domain/guard.ts';
import type { Runtime } from '../../domain/provider.ts';
import { isSocketAlive } from '../shared-connection.ts';
import { serveControl } from './control.ts';
import { serveGuardConnection } from './guard-connection.ts';
import { createGuardCore, type GuardMachine } from './guard-core.ts';

/** ssh needs one connection for each login it makes on the machine. */
const mostConnections = 16;

export interface GuardPlace {
  /** The instance's, 0700. */
  runDirectory: string;
  machine: GuardMachine;
  /** The user's own agent. */
  upstreamPath: string;
  runtime: Pick<Runtime, 'now'>;
  audit: Pick<AuditLog, 'require' | 'note'>;
}

/**
 * Opens a guard for one session. The machine's host key must be pinned: it is what connections have to prove.
 * @throws SpuffError `config` for a policy that is wrong
 */
export async function openGuard(place: GuardPlace, options: GuardOptions): Promise<Guard> {
  const { runDirectory, machine, upstreamPath, runtime, audit } = place;
  await removeDeadSockets(runDirectory);
  const session = randomBytes(4).toString('hex');
  const clocks = { wallMs: () => runtime.now(), monotonicMs: () => performance.now() };
  const policy = await options.loadPolicy();
  const core = createGuardCore({ audit, session, machine, upstreamPath, policy, clocks }, options);
  const agent = await listen(join(runDirectory, `g-${session}`), (socket) =>
    serveGuardConnection(socket, core),
  );
  agent.server.maxConnections = mostConnections;
  const control = await listen(join(runDirectory, `k-${session}`), (socket) => serveControl(socket, core));
  let closing: Promise<unknown> | null = null;
  return {
    socketPath: agent.path,
    status: () => core.status(),
    attach: (terminal) => core.attach(terminal),
    close: async () => {
      core.revoke();
      closing ??= Promise.all([agent.close(), control.close()]);
      await closing;
    },
  };
}

interface Listener {
  path: string;
  server: Server;
  close(): Promise<void>;
}

async function listen(path: string, serve: (socket: Socket) => void): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  // The directory is what keeps others out; this is for whoever looks.
  chmodSync(path, 0o600);
  return {
    path,
    server,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      rmSync(path, { force: true });
    },
  };
}

/** Between its name and its listening a socket looks dead. */
const secondLookMs = 200;

/** Of guards whose process was killed. */
async function removeDeadSockets(runDirectory: string): Promise<void> {
  for (const name of readdirSync(runDirectory)) {
    if (!/^[gk]-[0-9a-f]{8}$/.test(name)) continue;
    const path = join(runDirectory, name);
    if (await isSocketAlive(path)) continue;
    await delay(secondLookMs);
    if (!(await isSocketAlive(path))) rmSync(path, { force: true });
  }
}
