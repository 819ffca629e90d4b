/** A process of its own that works on a state file; what it prints has been committed before. Arguments: task, path, name. */
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { SpuffError } from '../../src/domain/errors.ts';
import { makeInstanceKey } from '../../src/domain/ids.ts';
import { loadDatabaseClass } from '../../src/lib/sqlite.ts';
import { withFileLock } from '../../src/state/file-lock.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { sampleInstance } from './sample-instance.ts';

/** Not console.log: a killed process must not take what it said with it. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function newInstance(name: string) {
  return sampleInstance({ name, key: makeInstanceKey(Date.now(), randomBytes(10)) });
}

/** Makes instances, works on their journals, and deletes every third. `count` 0: until it is killed. */
function write(path: string, name: string, count: number): void {
  const store = openStateStore({ path });
  for (let i = 1; count === 0 || i <= count; i++) {
    const instance = newInstance(`${name}-${i}`);
    store.insertInstance(instance);
    say(`inserted ${instance.key}`);
    const operation = store.beginOperation('up', instance.key);
    store.recordStep(operation.id, { name: 'create', status: 'started' });
    say(`step ${instance.key}`);
    store.updateInstance(instance.key, { vmId: `vm-${i}` });
    say(`updated ${instance.key} vm-${i}`);
    store.endOperation(operation.id, 'done');
    if (i % 3 !== 0) continue;
    say(`deleting ${instance.key}`);
    store.deleteInstance(instance.key);
    say(`deleted ${instance.key}`);
  }
  store.close();
}

/** Waits for a line on standard input, so that several begin together; then does what two `up` of one name do. */
function race(path: string, name: string): void {
  say('ready');
  process.stdin.once('data', () => {
    try {
      const store = openStateStore({ path });
      const instance = newInstance(name);
      store.insertInstance(instance);
      store.beginOperation('up', instance.key);
      say(`won ${instance.key}`);
    } catch (error) {
      say(error instanceof SpuffError ? `lost ${error.code}` : `failed ${String(error)}`);
    }
    // It lives on, as `up` would, until its input ends.
    process.stdin.once('end', () => process.exit());
  });
}

/** Claims the operation of an instance that exists; several do it together. */
function claim(path: string, key: string): void {
  say('ready');
  process.stdin.once('data', () => {
    const store = openStateStore({ path });
    const instance = store.listInstances().find((candidate) => candidate.key === key);
    try {
      if (!instance) throw new TypeError('no such instance');
      const { id, steps } = store.beginOperation('up', instance.key);
      say(`won ${id} ${steps.map((step) => step.name).join()}`);
    } catch (error) {
      say(error instanceof SpuffError ? `lost ${error.code}` : `failed ${String(error)}`);
    }
    process.stdin.once('end', () => process.exit());
  });
}

function keepOpen(path: string): void {
  const store = openStateStore({ path });
  say(`open ${store.listInstances().length}`);
  process.stdin.on('end', () => process.exit()).resume();
}

function hold(path: string): void {
  const db = new (loadDatabaseClass())(path);
  // In WAL mode readers pass an exclusive transaction; in this locking mode nobody does.
  db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE held (x)');
  say('holding');
  process.stdin.on('end', () => process.exit()).resume();
}

function holdLock(path: string): void {
  withFileLock(path, () => {
    say('holding');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
}

const [task, path = '', name = ''] = process.argv.slice(2);
if (task === 'write') write(path, name, Number(process.argv[5] ?? 0));
else if (task === 'race') race(path, name);
else if (task === 'claim') claim(path, name);
else if (task === 'open') keepOpen(path);
else if (task === 'hold') hold(path);
else if (task === 'hold-lock') holdLock(path);
else throw new TypeError(`no such task: ${task}`);
