import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SyncWorld } from '../../test/fakes/sync-world.ts';
import { SpuffError } from '../domain/errors.ts';
import type { SyncReport } from '../domain/sync.ts';
import { watchTree } from './watch-tree.ts';

let world: SyncWorld;
let reports: SyncReport[];
let watching: Promise<void>;

beforeEach(() => {
  world = new SyncWorld();
  reports = [];
  world.put('a', 'one');
});

afterEach(async () => {
  world.stop.abort();
  await watching.catch(() => undefined);
  world.remove();
});

function start(): void {
  watching = watchTree(world.context, world.instance, world.project, (report) => reports.push(report));
}

const poll = <T>(read: () => T) => expect.poll(read, { timeout: 10_000, interval: 20 });

describe('a watch', () => {
  it('brings what there is, then each change, and ends quietly when it is stopped', async () => {
    start();
    await poll(() => reports.length).toBe(1);
    world.put('a', 'two');
    world.put('sub/b', 'new');
    await poll(() => reports.flatMap(({ brought }) => brought).includes('sub/b')).toBe(true);
    rmSync(join(world.root, 'a'));
    await poll(() => reports.at(-1)?.removed).toEqual(['a']);
    world.stop.abort();
    await expect(watching).resolves.toBeUndefined();
  });

  it('tries again after the connection was lost, and says so once', async () => {
    world.failure = new SpuffError('connection', 'the line is dead');
    start();
    await poll(() => reports.length).toBe(1);
    expect(world.warnings).toEqual(['the line is dead']);
    expect(world.there('a')).toBe('one');
  });

  it('names a conflict, and goes on when it is settled', async () => {
    start();
    await poll(() => reports.length).toBe(1);
    world.putThere('a', 'theirs');
    world.put('a', 'ours');
    await poll(() => world.warnings.length).toBe(1);
    expect(world.warnings[0]).toContain('so nothing was sent: a');
    world.put('a', 'theirs');
    world.put('b', 'fresh');
    await poll(() => reports.at(-1)?.brought).toEqual(['b']);
    expect(world.there('a')).toBe('theirs');
  });

  it('asks the machine nothing for what does not go there', async () => {
    world.git('init', '-q');
    world.put('.gitignore', 'out');
    start();
    await poll(() => reports.length).toBe(1);
    const before = world.asked;
    world.put('out/x', 'build');
    world.put('.git/index.lock', '');
    rmSync(join(world.root, '.git/index.lock'));
    world.put('b', 'fresh');
    await poll(() => reports.at(-1)?.brought).toEqual(['b']);
    const each = world.asked - before;
    expect(each).toBeLessThan(10);
    expect(reports).toHaveLength(2);
  });

  it('ends when the instance is gone', async () => {
    world.state.deleteInstance(world.instance.key);
    start();
    await expect(watching).rejects.toMatchObject({ code: 'not-found' });
  });
});
