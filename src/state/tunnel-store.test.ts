import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleTunnel } from '../../test/fakes/sample-tunnel.ts';
import type { TunnelStore } from '../domain/tunnel.ts';
import { type Liveness, procTable } from '../lib/process-identity.ts';
import { openTunnelStore } from './tunnel-store.ts';

let run: string;
let store: TunnelStore;
const signal = new AbortController().signal;
const children: ChildProcess[] = [];

beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), 'spuff-tunnels-'));
  store = openTunnelStore({ run, processes: procTable });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(run, { recursive: true, force: true });
});

const own = () => sampleTunnel({ process: store.self() });
const files = () => readdirSync(join(run, 'tunnels'));

/** A process, and what tells it from others. */
async function start(
  script: string,
): Promise<{ child: ChildProcess; identity: ReturnType<TunnelStore['self']> }> {
  const child = spawn('sh', ['-c', `${script}; echo ready; while :; do sleep 0.05; done`]);
  children.push(child);
  await once(child.stdout as NodeJS.EventEmitter, 'data');
  const pid = child.pid ?? 0;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return { child, identity: { ...store.self(), pid, startedAt } };
}

describe('the records of tunnels', () => {
  it('are empty before the first one, and asking makes nothing', () => {
    expect(store.list()).toEqual([]);
    expect(store.get('0123abcd')).toBeNull();
    expect(existsSync(join(run, 'tunnels'))).toBe(false);
  });

  it('come back as they were, in private files', () => {
    const record = own();
    store.save(record);
    expect(store.list()).toEqual([record]);
    expect(statSync(join(run, 'tunnels')).mode & 0o777).toBe(0o700);
    expect(statSync(join(run, 'tunnels', '0123abcd.json')).mode & 0o777).toBe(0o600);
    store.remove(record.id);
    store.remove(record.id);
    expect(store.list()).toEqual([]);
  });

  it('of processes that are dead are removed, also when the number was given anew', () => {
    store.save(own());
    store.save({ ...own(), id: 'aaaaaaaa', process: { ...store.self(), startedAt: '1' } });
    expect(store.list().map(({ id }) => id)).toEqual(['0123abcd']);
    expect(files()).toEqual(['0123abcd.json']);
  });

  it('that are none are passed over', () => {
    mkdirSync(join(run, 'tunnels'));
    const put = (name: string, text: string) => writeFileSync(join(run, 'tunnels', name), text);
    put('11111111.json', '{');
    put('22222222.json', 'null');
    put('33333333.json', JSON.stringify({ ...own(), id: '44444444' }));
    put('note.txt', 'x');
    symlinkSync('/etc/passwd', join(run, 'tunnels', '55555555.json'));
    store.save(own());
    expect(store.list().map(({ id }) => id)).toEqual(['0123abcd']);
    expect(existsSync('/etc/passwd')).toBe(true);
  });
});

describe('the end of a tunnel', () => {
  it('is asked of its process, and waited for', async () => {
    const { child, identity } = await start(':');
    const exited = once(child, 'exit');
    const record = { ...own(), process: identity };
    store.save(record);
    await store.end(record, signal);
    expect(await exited).toEqual([null, 'SIGTERM']);
    expect(files()).toEqual([]);
  });

  it("is nobody else's, where the number has another process now", async () => {
    const { child, identity } = await start(':');
    const record = { ...own(), process: { ...identity, startedAt: '1' } };
    store.save(record);
    await store.end(record, signal);
    expect(child.exitCode ?? child.signalCode).toBeNull();
    expect(files()).toEqual([]);
  });

  it('is refused for one of another computer', async () => {
    const processes = { ...procTable, liveness: (): Liveness => 'unknown' };
    const other = openTunnelStore({ run, processes });
    other.save(own());
    await expect(other.end(own(), signal)).rejects.toMatchObject({ code: 'conflict' });
    expect(other.list()).toHaveLength(1);
  });
});
