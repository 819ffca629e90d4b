import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import type { TunnelRecord, TunnelStore } from '../domain/tunnel.ts';
import { makePrivateDirectory, readPrivateFile, writeFileAtomically } from '../lib/atomic-file.ts';
import { escapeText } from '../lib/escape.ts';
import type { ProcessTable } from '../lib/process-identity.ts';
import { withProcessLock } from '../lib/process-lock.ts';

const fileName = /^([0-9a-f]{8})\.json$/;
const mostBytes = 1024 * 1024;
/** A tunnel that was told to end has that long. */
const endMs = 8_000;
const lookMs = 50;

/**
 * One file for each tunnel, written by its process alone, under the directory of what a reboot makes worthless.
 * @param run of the home
 */
export function openTunnelStore(options: { run: string; processes: ProcessTable }): TunnelStore {
  const { processes } = options;
  const directory = join(options.run, 'tunnels');
  const pathOf = (id: string) => join(directory, `${id}.json`);
  const read = (id: string) => readRecord(pathOf(id), id);
  const store: TunnelStore = {
    self: () => processes.self(),
    list: () =>
      listIds(directory).flatMap((id) => {
        const record = read(id);
        if (record && processes.liveness(record.process) !== 'dead') return [record];
        store.remove(id);
        return [];
      }),
    get: read,
    save: (record) => {
      makePrivateDirectory(directory);
      writeFileAtomically(pathOf(record.id), JSON.stringify(record));
    },
    remove: (id) => rmSync(pathOf(id), { force: true }),
    end: async (record, signal) => {
      const liveness = () => processes.liveness(record.process);
      if (liveness() === 'unknown') throw elsewhere(record);
      for (const [name, waitMs] of [
        ['SIGTERM', endMs],
        ['SIGKILL', 2_000],
      ] as const) {
        if (liveness() === 'alive') tell(record.process.pid, name);
        for (let waited = 0; liveness() === 'alive' && waited < waitMs; waited += lookMs) {
          await delay(lookMs, undefined, { signal });
        }
      }
      store.remove(record.id);
    },
    withLock: (signal, work) => withProcessLock(join(directory, 'lock'), signal, work),
  };
  return store;
}

function elsewhere({ name, process: { host } }: TunnelRecord): SpuffError {
  const where = escapeText(host, { singleLine: true });
  return new SpuffError('conflict', `the tunnel to ${name} was started on ${where}, or in a container`, {
    hints: ['end it there'],
  });
}

function tell(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It has ended meanwhile.
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}

/** null for what is not there, or is none of ours: a record only says what runs, so nothing is lost with it. */
function readRecord(path: string, id: string): TunnelRecord | null {
  try {
    const text = readPrivateFile(path, mostBytes);
    if (text === null) return null;
    const value = JSON.parse(text) as TunnelRecord;
    if (value.id !== id || typeof value.process.pid !== 'number' || !Array.isArray(value.ports)) return null;
    return { ...value, startedAt: new Date(value.startedAt), since: new Date(value.since) };
  } catch {
    return null;
  }
}

function listIds(directory: string): string[] {
  try {
    return readdirSync(directory).flatMap((name) => fileName.exec(name)?.[1] ?? []);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
