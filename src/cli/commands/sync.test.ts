import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runLine } from '../../../test/fakes/cli-run.ts';
import { SyncWorld } from '../../../test/fakes/sync-world.ts';
import { jsonShapes } from '../json-shapes.ts';

let world: SyncWorld;

beforeEach(() => {
  world = new SyncWorld();
});

afterEach(() => world.remove());

const run = async (...argv: string[]) =>
  runLine(['sync', 'demo', ...argv], {
    ...{ state: world.state, project: world.project, directory: world.root },
    ...{ home: join(world.base, 'home'), ssh: await world.context.ssh() },
  });

describe('spuff sync', () => {
  it('says what it has brought, in words and as JSON', async () => {
    world.put('a', 'one');
    world.put('two\nlines', 'x');
    const dry = await run('--dry-run');
    expect(dry.out).toContain('+ a\n+ two\\nlines');
    expect((await run()).out).toContain('demo:/home/dev/shop: 2 files, 4 B in 1s');
    world.put('a', 'two');
    const { out } = await run('--json');
    const printed: unknown = JSON.parse(out);
    expect(jsonShapes.sync.schema.safeParse(printed).error).toBeUndefined();
    expect(printed).toMatchObject({ instance: 'demo', sync: { direction: 'up', brought: ['a'], bytes: 3 } });
    expect((await run()).out).toContain('nothing to bring');
  });

  it('ends with 5 where both sides have changed a file, and says how to go on', async () => {
    world.put('a', 'one');
    await run();
    world.put('a', 'ours');
    world.putThere('a', 'theirs');
    const { status, err } = await run();
    expect(status).toBe(5);
    expect(err).toContain('changed on demo and here, so nothing was sent: a');
    expect(err).toContain('spuff sync demo --force');
    expect((await run('--force')).status).toBe(0);
    expect(world.there('a')).toBe('ours');
  });

  it('shows with --down what would come, and what both have changed', async () => {
    world.put('a', 'one');
    await run();
    world.put('a', 'ours');
    world.putThere('a', 'theirs');
    world.putThere('b', 'new');
    world.putThere('spuff.yaml', 'env: { A: { from: evil } }');
    const { status, out } = await run('--down', '--dry-run');
    expect(status).toBe(0);
    expect(out).toContain('here: 1 file, 3 B');
    expect(out).toContain('+ b\nconflict: a\nleft: spuff.yaml (commands in it run on this computer');
  });

  it.each([
    [['--delete'], 2, '--delete goes with --down alone'],
    [['--watch', '--down'], 2, '--watch goes with none of'],
    [['--watch', '--dry-run'], 2, '--watch goes with none of'],
  ])('refuses %j', async (argv, status, text) => {
    const outcome = await run(...argv);
    expect(outcome.status).toBe(status);
    expect(outcome.err).toContain(text);
  });

  it('has nothing to do without a project, or where it says none', async () => {
    const { status, err } = await runLine(['sync', 'demo'], { state: world.state });
    expect(status).toBe(4);
    expect(err).toContain('spuff init --project');
    world.project = { ...world.project, sync: 'none' };
    expect((await run()).out).toContain('sync: none');
    expect((await run('--watch')).status).toBe(3);
  });
});
