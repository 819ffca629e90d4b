import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { loadDatabaseClass } from '../lib/sqlite.ts';
import { withFileLock } from './file-lock.ts';
import { checkState, recoverState } from './recover-state.ts';
import { openStateStore } from './state-store.ts';

const workerPath = join(import.meta.dirname, '../../test/fakes/state-worker.ts');

/** A real process that works on the state; `lines` grows as it prints. */
class Worker {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;
  readonly #output: string[] = [];
  readonly #errors: string[] = [];

  constructor(task: string, ...rest: string[]) {
    this.child = spawn(process.execPath, [workerPath, task, ...rest]);
    this.#ended = once(this.child, 'close');
    this.child.stdout.on('data', (chunk: Buffer) => void this.#output.push(chunk.toString()));
    this.child.stderr.on('data', (chunk: Buffer) => void this.#errors.push(chunk.toString()));
    workers.push(this);
  }

  get lines(): string[] {
    return this.#output
      .join('')
      .split('\n')
      .filter((line) => line !== '');
  }

  /** Waits until it has printed so many lines. */
  async printed(count: number): Promise<string[]> {
    while (this.lines.length < count && this.child.exitCode === null) await sleep(5);
    if (this.lines.length < count) throw new Error(`the worker ended early: ${this.#errors.join('')}`);
    return this.lines;
  }

  async ended(): Promise<{ status: number | null; errors: string }> {
    await this.#ended;
    return { status: this.child.exitCode, errors: this.#errors.join('') };
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#ended;
  }
}

let workers: Worker[] = [];
let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-parallel-'));
  path = join(directory, 'state.db');
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  workers = [];
  rmSync(directory, { recursive: true });
});

describe('several processes', () => {
  it('eight writers that all start without a database lose nothing, and none fails', async () => {
    const writers = Array.from({ length: 8 }, (_, i) => new Worker('write', path, `w${i}`, '9'));
    for (const writer of writers) expect(await writer.ended()).toEqual({ status: 0, errors: '' });
    const store = openStateStore({ path, readOnly: true });
    const names = store.listInstances().map(({ name }) => name);
    store.close();
    const expected = writers.flatMap((_, i) => [1, 2, 4, 5, 7, 8].map((n) => `w${i}-${n}`));
    expect(names.sort()).toEqual(expected.sort());
    expect(checkState(path)).toBeNull();
  });

  it('of several `up` with one name exactly one wins, and the others say conflict', async () => {
    const racers = Array.from({ length: 6 }, () => new Worker('race', path, 'demo'));
    for (const racer of racers) await racer.printed(1);
    for (const racer of racers) racer.child.stdin.write('go\n');
    const results = await Promise.all(racers.map(async (racer) => (await racer.printed(2))[1]));
    expect(results.filter((line) => line === 'lost conflict')).toHaveLength(5);
    const winner = results.find((line) => line?.startsWith('won '));
    const store = openStateStore({ path, readOnly: true });
    const [instance] = store.listInstances();
    expect(winner).toBe(`won ${instance?.key}`);
    expect(instance && store.findOperation(instance.key)).toMatchObject({ ownerAlive: true });
    store.close();
  });

  it('exactly one takes over the operation of a killed process, and finds its steps', async () => {
    const first = new Worker('race', path, 'demo');
    await first.printed(1);
    first.child.stdin.write('go\n');
    const key = (await first.printed(2))[1]?.split(' ')[1] ?? '';
    const store = openStateStore({ path });
    const instance = store.listInstances().find((candidate) => candidate.key === key) ?? sampleInstance();
    expect(() => store.beginOperation('down', instance.key)).toThrow(String(first.child.pid));
    await first.kill();
    expect(store.findOperation(instance.key)).toMatchObject({ ownerAlive: false, kind: 'up' });
    store.close();

    const heirs = Array.from({ length: 4 }, () => new Worker('claim', path, key));
    for (const heir of heirs) await heir.printed(1);
    for (const heir of heirs) heir.child.stdin.write('go\n');
    const results = await Promise.all(heirs.map(async (heir) => (await heir.printed(2))[1]));
    expect(results.filter((line) => line === 'lost conflict')).toHaveLength(3);
    expect(results.filter((line) => line?.startsWith('won 1'))).toHaveLength(1);
  });
});

describe('a process that is killed at any moment', () => {
  it('leaves a sound database, with all that it said was done', async () => {
    // The moments are spread over the start, the creation of the file and the writing.
    for (let round = 0; round < 12; round++) {
      const writer = new Worker('write', path, `r${round}`);
      await writer.printed(round === 0 ? 0 : Math.floor(round / 2) ** 2);
      await sleep(Math.random() * 30);
      await writer.kill();
      expect(checkState(path)).toBeNull();
      expectAllThere(writer.lines);
    }
  });
});

/** What a writer printed is in the state: instances that were inserted are there, and deleted ones are not. */
function expectAllThere(lines: readonly string[]): void {
  const store = openStateStore({ path, readOnly: true });
  const there = new Map(store.listInstances().map((instance) => [String(instance.key), instance]));
  store.close();
  const of = (verb: string) => lines.map((line) => line.split(' ')).filter(([first]) => first === verb);
  const leaving = new Set(of('deleting').map(([, key]) => key));
  for (const [, key = ''] of of('inserted')) if (!leaving.has(key)) expect(there.has(key)).toBe(true);
  for (const [, key = '', vmId] of of('updated'))
    if (!leaving.has(key)) expect(there.get(key)?.vmId).toBe(vmId);
  for (const [, key = ''] of of('deleted')) expect(there.has(key)).toBe(false);
}

describe('a database that another process keeps locked', () => {
  it('waits, then names that process, and works once it has gone', async () => {
    openStateStore({ path }).close();
    const holder = new Worker('hold', path);
    await holder.printed(1);
    const open = () => {
      const store = openStateStore({ path, busyTimeoutMs: 50 });
      store.listInstances();
      store.close();
    };
    expect(open).toThrow(
      expect.objectContaining({
        code: 'conflict',
        message: expect.stringMatching(
          new RegExp(`state\\.db is in use by process ${holder.child.pid} \\(state-worker\\.ts hold`),
        ) as string,
      }),
    );
    await holder.kill();
    expect(open).not.toThrow();
  });
});

describe('recoverState', () => {
  it('is refused while another process has the damaged state open', async () => {
    const user = new Worker('open', path);
    await user.printed(1);
    const store = openStateStore({ path });
    store.insertInstance(sampleInstance());
    store.close();
    const db = new (loadDatabaseClass())(path);
    db.exec("UPDATE instances SET doc = 'damaged'");
    db.close();
    expect(() => recoverState(path)).toThrow(
      expect.objectContaining({
        code: 'conflict',
        message: expect.stringContaining(`${user.child.pid}`) as string,
      }),
    );
    expect(checkState(path)).not.toBeNull();
    await user.kill();
    expect(recoverState(path).keptAs).toContain('state.db.corrupt-');
    expect(checkState(path)).toBeNull();
  });
});

describe('withFileLock', () => {
  it('keeps others out, names who has it, and ends with its process', async () => {
    const file = join(directory, 'config.yaml');
    const holder = new Worker('hold-lock', file);
    await holder.printed(1);
    expect(() => withFileLock(file, () => 1, 50)).toThrow(
      expect.objectContaining({
        code: 'conflict',
        message: expect.stringContaining(`${holder.child.pid}`) as string,
      }),
    );
    await holder.kill();
    expect(withFileLock(file, () => 'mine', 50)).toBe('mine');
  });

  it('is free again after an error', () => {
    const file = join(directory, 'config.yaml');
    expect(() =>
      withFileLock(file, () => {
        throw new RangeError('odd');
      }),
    ).toThrow(RangeError);
    expect(withFileLock(file, () => 1, 0)).toBe(1);
  });
});
