/** Whether a TCP port of this computer can be had on loopback, and who has it. */
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { systemErrorCode } from '../domain/errors.ts';
import { escapeText } from './escape.ts';

export interface PortHolder {
  pid: number;
  /** The program's name, safe to print. */
  name: string;
}

/** `forbidden`: only root may listen there. */
export type PortLook =
  | { kind: 'free' }
  | { kind: 'forbidden' }
  | { kind: 'taken'; holder: PortHolder | null };

/**
 * Tries it on both loopback addresses: a browser asks ::1 first for `localhost`, and would reach whoever is there. The
 * holder is null where this user may not see it.
 */
export async function lookAtPort(port: number, platform = process.platform): Promise<PortLook> {
  for (const host of ['127.0.0.1', '::1']) {
    const code = await tryToListen(host, port);
    if (code === 'EACCES') return { kind: 'forbidden' };
    // Without IPv6 there is no second address, and nobody on it.
    if (code === 'EADDRINUSE') return { kind: 'taken', holder: await findPortHolder(port, platform) };
  }
  if (platform === 'linux') return { kind: 'free' };
  // macOS lets one address of a port be had beside who has all of them, and leaves it to chance whom a browser reaches.
  const holder = await findPortHolder(port, platform);
  return holder ? { kind: 'taken', holder } : { kind: 'free' };
}

async function tryToListen(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    server.listen({ host, port, ipv6Only: host === '::1', exclusive: true });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return null;
  } catch (error) {
    return systemErrorCode(error) ?? 'unknown';
  }
}

/** Linux tells it in /proc (proc(5)); elsewhere lsof(8) does. null: nobody, or nobody that this user may see. */
export async function findPortHolder(port: number, platform = process.platform): Promise<PortHolder | null> {
  if (platform === 'linux') return findHolderInProc(port);
  const { readProcessOutput } = await import('./process.ts');
  const output = readProcessOutput(['lsof', '-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpcn']);
  return output === null ? null : parseLsof(output);
}

/**
 * The fields of `lsof -F`: a line `p` with the process id, `c` with the program's name, and for each socket `n` with its
 * address. Counted are those that `localhost` may lead to.
 */
export function parseLsof(output: string): PortHolder | null {
  let pid = '';
  let name = '';
  for (const line of output.split('\n')) {
    if (line.startsWith('p')) pid = line.slice(1);
    else if (line.startsWith('c')) name = line.slice(1);
    else if (/^n(?:\*|127\.0\.0\.1|\[::1?\]):\d+$/.test(line)) return { pid: Number(pid), name: shown(name) };
  }
  return null;
}

function findHolderInProc(port: number): PortHolder | null {
  const inodes = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => findInodes(readText(file), port));
  const sockets = new Set(inodes.map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return null;
  for (const pid of listNames('/proc').filter((name) => /^\d+$/.test(name))) {
    const holds = listNames(`/proc/${pid}/fd`).some((fd) => sockets.has(readLink(`/proc/${pid}/fd/${fd}`)));
    if (holds) return { pid: Number(pid), name: shown(readText(`/proc/${pid}/comm`).trimEnd()) };
  }
  return null;
}

/** Inodes of the sockets that listen (state 0A) on a port. Pure. */
export function findInodes(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [, local = '', , state, , , , , , inode] = fields;
    return state === '0A' && local.endsWith(wanted) && inode !== undefined ? [inode] : [];
  });
}

function shown(name: string): string {
  return escapeText(name, { singleLine: true }).slice(0, 60);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended, or there is no IPv6.
    return '';
  }
}

function listNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    // Another user's, or one that has ended.
    return [];
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
