import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { writeFileAtomically } from '../lib/atomic-file.ts';
import { openLog } from '../lib/log.ts';
import { loadDatabaseClass } from '../lib/sqlite.ts';
import { withFileLock } from './file-lock.ts';
import { checkState, recoverState } from './recover-state.ts';
import { openStateStore } from './state-store.ts';

let disk: string;
let path: string;
let isMounted = false;

beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), 'spuff-disk-'));
  path = join(disk, 'state.db');
});
afterEach(() => {
  if (isMounted) expect(spawnSync('umount', [disk]).status).toBe(0);
  isMounted = false;
  rmSync(disk, { recursive: true });
});

/** A disk of its own. Mounting takes root, and a container may not let even root. */
function mountSmallDisk(context: TestContext, options = 'size=1m'): void {
  isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk]).status === 0;
  if (!isMounted) context.skip('needs the right to mount a tmpfs: run as root');
}

function fillDisk(): void {
  for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(join(disk, 'filler'), Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full for this size; a smaller piece may still fit.
    }
  }
}

const diskFull = expect.objectContaining({
  code: 'state',
  message: expect.stringContaining('the disk is full') as string,
});

describe('a full disk', () => {
  it('gives one clear error, and what was there before is there after', (context) => {
    mountSmallDisk(context);
    const store = openStateStore({ path });
    store.insertInstance(sampleInstance({ name: 'before' }));
    const { id } = store.beginOperation('up', sampleInstance({ name: 'before' }).key);
    fillDisk();
    const long = { directory: '/x'.repeat(100_000) };
    expect(() => store.insertInstance(sampleInstance({ name: 'lost', ...long }))).toThrow(diskFull);
    expect(() => store.updateInstance(sampleInstance({ name: 'before' }).key, long)).toThrow(diskFull);
    expect(() => store.recordStep(id, { name: 'x', status: 'done', output: long })).toThrow(diskFull);
    expect(store.listInstances().map(({ name }) => name)).toEqual(['before']);
    rmSync(join(disk, 'filler'));
    store.insertInstance(sampleInstance({ name: 'after', ...long }));
    store.close();
    expect(checkState(path)).toBeNull();
  });

  it.for([0, 8_192, 32_768, 65_536])(
    'with %d bytes left loses nothing when a state is repaired',
    (room, context) => {
      mountSmallDisk(context);
      const store = openStateStore({ path });
      for (const name of ['one', 'two', 'three']) store.insertInstance(sampleInstance({ name }));
      store.close();
      const db = new (loadDatabaseClass())(path);
      db.exec("UPDATE instances SET doc = 'x' WHERE name = 'two'");
      db.close();
      const damaged = readFileSync(path);
      withFileLock(path, () => undefined);
      writeFileSync(join(disk, 'room'), Buffer.alloc(room));
      fillDisk();
      rmSync(join(disk, 'room'));
      expect(() => recoverState(path)).toThrow(diskFull);
      expect(readFileSync(path)).toEqual(damaged);
      expect(readdirSync(disk).filter((name) => /repair|new/.test(name))).toEqual([]);
      rmSync(join(disk, 'filler'));
      expect(recoverState(path).saved).toEqual(['one', 'three']);
    },
  );

  it('lets nothing half made behind where there was no state yet', (context) => {
    mountSmallDisk(context);
    fillDisk();
    expect(() => openStateStore({ path })).toThrow(diskFull);
    expect(readdirSync(disk)).toEqual(['filler']);
    rmSync(join(disk, 'filler'));
    openStateStore({ path }).close();
  });

  it('has no room for a name either', (context) => {
    mountSmallDisk(context, 'size=1m,nr_inodes=2');
    writeFileSync(join(disk, 'only'), '');
    expect(() => openStateStore({ path })).toThrow(diskFull);
    expect(readdirSync(disk)).toEqual(['only']);
  });

  it('still lets a command look', (context) => {
    mountSmallDisk(context);
    const store = openStateStore({ path });
    store.insertInstance(sampleInstance());
    store.close();
    fillDisk();
    const looking = openStateStore({ path, readOnly: true });
    expect(looking.listInstances()).toHaveLength(1);
    looking.close();
  });

  it('does not touch the file that was to be replaced, and does not stop a log', (context) => {
    mountSmallDisk(context);
    writeFileSync(join(disk, 'config.yaml'), 'region: fra1\n');
    const log = openLog({ path: join(disk, 'log', 'spuff.log') });
    log.write('first');
    fillDisk();
    expect(() => writeFileAtomically(join(disk, 'config.yaml'), 'x'.repeat(50_000))).toThrow(diskFull);
    expect(readFileSync(join(disk, 'config.yaml'), 'utf8')).toBe('region: fra1\n');
    for (let i = 0; i < 5_000; i++) log.write('more', { i });
    log.close();
    expect(readdirSync(disk).sort()).toEqual(['config.yaml', 'filler', 'log']);
  });
});

describe('a read-only home', () => {
  // As root only a read-only file system refuses; as a user, the mode of the directory does.
  const isRoot = process.getuid?.() === 0;
  const refused = expect.objectContaining({
    code: 'permission',
    message: expect.stringMatching(isRoot ? /the file system is read-only/ : /permission denied/) as string,
    hints: [expect.stringContaining('SPUFF_HOME')],
  });
  const makeReadOnly = (context: TestContext) => (isRoot ? remountReadOnly(context) : chmodSync(disk, 0o500));
  afterEach(() => {
    if (!isRoot) chmodSync(disk, 0o700);
  });

  it('gives one clear error to who wants to write', (context) => {
    makeReadOnly(context);
    expect(() => openStateStore({ path })).toThrow(refused);
    expect(() => writeFileAtomically(join(disk, 'x'), 'y')).toThrow(refused);
  });

  it('gives one clear error to who wants to write what is there, and shows it to who looks', (context) => {
    const store = openStateStore({ path });
    store.insertInstance(sampleInstance());
    store.close();
    makeReadOnly(context);
    expect(() => openStateStore({ path })).toThrow(refused);
    const looking = openStateStore({ path, readOnly: true });
    expect(looking.listInstances()).toHaveLength(1);
    looking.close();
  });
});

/** The directory itself, mounted onto itself read-only. */
function remountReadOnly(context: TestContext): void {
  isMounted = spawnSync('mount', ['--bind', disk, disk]).status === 0;
  if (!isMounted) context.skip('needs the right to mount a directory onto itself');
  if (spawnSync('mount', ['-o', 'remount,bind,ro', disk]).status !== 0) {
    context.skip('needs the right to make a mount read-only');
  }
}
