import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import type { BundlePlan } from '../../protocol/setup-schema.ts';
import { setupStatus } from '../../protocol/setup-schema.ts';
import { type Answer, createSetupWorld, type SetupWorld, statesOf } from './setup-world.ts';

let world: SetupWorld;
afterEach(() => world.remove());

/** Scripts fail by what is in them: the file is there while they run. */
const failing =
  (word: () => string): Answer =>
  (argv) =>
    argv[0] === 'bash' && argv[1] === '-l' && readFileSync(argv[2] ?? '', 'utf8').includes(word())
      ? { exitCode: 3, output: 'no such luck\n' }
      : undefined;

const bundle = (change: Partial<BundlePlan> = {}): BundlePlan => ({
  ...{
    name: 'node',
    version: '24',
    aptPackages: [],
    archives: [],
    npmPackages: [],
    commands: [],
    checks: [],
  },
  ...change,
});

describe('a setup', () => {
  it('stops at the first command that fails, and goes on there', async ({ expect }) => {
    let bad = 'second';
    world = createSetupWorld(failing(() => bad));
    const order = { setup: ['first', 'second', 'third'], postUp: ['hook'] };
    const first = await world.setUp(order);
    expect(statesOf(first)).toEqual({
      'script 001': 'done',
      'script 002': 'failed',
      'script 003': 'skipped',
      'hook 001': 'skipped',
    });
    expect(first).toMatchObject({ state: 'failed', run: 'run-1' });
    expect(first.parts[1]?.detail).toBe('no such luck (exit status 3)');
    expect(first.parts[2]?.detail).toBe('because setup command 2 failed');
    expect(world.log('scripts/002.log')).toContain('no such luck\n');
    const before = world.ran.filter(([program]) => program === 'bash').length;
    bad = 'nothing';
    const second = await world.setUp(order);
    expect(second.state).toBe('done');
    expect(world.ran.filter(([program]) => program === 'bash').length - before).toBe(3);
  });

  it('repeats a command whose text has changed, and those after it', async ({ expect }) => {
    world = createSetupWorld();
    await world.setUp({ setup: ['one', 'two', 'three'] });
    const before = world.ran.length;
    await world.setUp({ setup: ['one', 'zwei', 'three'] });
    const scripts = world.ran
      .slice(before)
      .flatMap(([program, , path]) => (program === 'bash' ? [path] : []));
    expect(scripts.map((path) => path?.split('/').at(-1))).toEqual(['script-002.sh', 'script-003.sh']);
  });

  it('hands no text of a command to an argument, and leaves no file of it', async ({ expect }) => {
    world = createSetupWorld();
    await world.setUp({ setup: ['echo my-words'] });
    expect(world.ran.flat().join(' ')).not.toContain('my-words');
    expect(() => readFileSync(join(world.places.envFolder, 'script-001.sh'))).toThrow('ENOENT');
  });

  it('does nothing but the parts that are asked for, and repeats them only when told to', async ({
    expect,
  }) => {
    world = createSetupWorld();
    const order = { setup: ['one'], postUp: ['hook'] };
    expect(statesOf(await world.setUp(order, { only: ['hooks'] }))).toEqual({
      'script 001': 'skipped',
      'hook 001': 'done',
    });
    const count = () => world.ran.filter(([program]) => program === 'bash').length;
    expect(count()).toBe(1);
    await world.setUp(order, { only: ['hooks'] });
    expect(count()).toBe(1);
    await world.setUp(order, { only: ['hooks'], again: true });
    expect(count()).toBe(2);
    expect(statesOf(await world.setUp(order))).toEqual({ 'script 001': 'done', 'hook 001': 'done' });
  });

  it('runs no command of the project when a bundle it needs is missing, but all that does not need it', async ({
    expect,
  }) => {
    const missing: Answer = (argv) =>
      argv.includes('no-node') ? { exitCode: 127, output: 'not found' } : undefined;
    world = createSetupWorld(missing);
    const checks = [
      { tool: 'node', argv: ['no-node', '--version'], required: true },
      { tool: 'npm', argv: ['npm', '--version'], required: true },
    ];
    const tool = bundle({ name: 'codex', checks: [{ tool: 'codex', argv: ['no-node'], required: false }] });
    const status = await world.setUp({ bundles: [bundle({ checks })], aiTools: [tool], setup: ['one'] });
    expect(statesOf(status)).toEqual({
      'bundle node': 'failed',
      'ai codex': 'done',
      'script 001': 'skipped',
    });
    expect(status.parts[0]?.detail).toContain('missing: node');
    expect(status.parts[0]?.items.map(({ state }) => state)).toEqual(['failed', 'done']);
    expect(status.parts[1]).toMatchObject({ detail: 'without codex', items: [{ state: 'skipped' }] });
  });

  it('ends a bundle at a step that it needs, and goes on after one that it does not', async ({ expect }) => {
    world = createSetupWorld((argv) =>
      argv[0] === 'bad' ? { exitCode: 1, output: 'E: broken' } : undefined,
    );
    const commands = (required: boolean) => [
      { argv: ['bad'], asUser: false, required, env: {} },
      { argv: ['good'], asUser: true, required: true, env: {} },
    ];
    const status = await world.setUp({
      bundles: [
        bundle({ name: 'a', commands: commands(true) }),
        bundle({ name: 'b', commands: commands(false) }),
      ],
    });
    expect(statesOf(status)).toEqual({ 'bundle a': 'failed', 'bundle b': 'done' });
    expect(world.ran.filter(([program]) => program === 'good')).toHaveLength(1);
  });

  it('writes a status that its readers understand, before it begins and at its end', async ({ expect }) => {
    const path = () => join(world.places.stateFolder, 'status.json');
    const seen: string[] = [];
    world = createSetupWorld(() => {
      seen.push(setupStatus.parse(JSON.parse(readFileSync(path(), 'utf8'))).state);
      return undefined;
    });
    const status = await world.setUp({ setup: ['one'] });
    expect(new Set(seen)).toEqual(new Set(['in_progress']));
    expect(setupStatus.parse(JSON.parse(readFileSync(path(), 'utf8')))).toEqual(status);
    expect(status.parts[0]?.log).toBe('spuff-setup/scripts/001.log');
  });

  it('waits for an agent only when one is lent, and clones nothing outside the home', async ({ expect }) => {
    world = createSetupWorld();
    const repositories = [
      { url: 'git@host:a.git', path: 'a', branch: null },
      { url: 'https://host/b.git', path: '../b', branch: null },
    ];
    const [part] = (await world.setUp({ repositories }, { only: ['repositories'] })).parts.filter(
      ({ kind }) => kind === 'repositories',
    );
    expect(part?.items[0]?.detail).toContain('no session lends an ssh-agent');
    expect(part?.items[1]?.detail).toBe('the path must stay in the home');
    expect(world.ran).toEqual([]);
  });
});
