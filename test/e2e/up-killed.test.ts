/** `up` is killed with SIGKILL in and after each of its steps; the next command finds the machine, and ends or finishes it. */
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceKey } from '../../src/domain/ids.ts';
import type { StepStatus } from '../../src/domain/state.ts';
import { runProcess } from '../../src/lib/process.ts';
import { openProvider, within } from '../machine/lab.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

let home: SpuffHome;

beforeAll(async () => {
  home = makeSpuffHome();
  await home.ok(['init', '--yes']);
});

afterAll(async () => {
  await home.remove();
});

/** Runs `up` until it dies at a point of the journal. Gives the instance's key. */
async function killUpAt({ step, status, moment }: Point): Promise<InstanceKey> {
  const child = join(import.meta.dirname, 'up-killed-child.ts');
  const argv = [process.execPath, child, home.path, 'killed', step, status, moment];
  const { exitCode, stderr } = await runProcess(argv);
  if (exitCode !== 128 + constants.signals.SIGKILL)
    throw new Error(`up was not killed: ${exitCode} ${stderr}`);
  return (await onlyInstance()).key;
}

async function onlyInstance(): Promise<ListedInstance> {
  const [instance, ...others] = await listed();
  if (!instance || others.length > 0) throw new Error('there is not one instance');
  return instance;
}

async function machinesOf(key: InstanceKey): Promise<number> {
  const provider = openProvider();
  const machine = await provider.find(key, within(20_000));
  let leftovers = 0;
  for await (const _ of provider.leftovers(key, within(20_000))) leftovers += 1;
  return (machine ? 1 : 0) + leftovers;
}

interface ListedInstance {
  key: InstanceKey;
  name: string;
  phase: string;
  remarks: string[];
}

async function listed(): Promise<ListedInstance[]> {
  const { stdout } = await home.ok(['ls', '--json']);
  return (JSON.parse(stdout) as { instances: ListedInstance[] }).instances;
}

interface Point {
  step: string;
  status: StepStatus;
  moment: 'before' | 'after';
}

/** Inside each step, after its effect but before the journal knows, and after it does. */
const points: Point[] = ['image', 'create', 'address', 'identity', 'agent', 'first-boot'].flatMap((step) => [
  { step, status: 'started' as const, moment: 'after' as const },
  { step, status: 'done' as const, moment: 'before' as const },
  { step, status: 'done' as const, moment: 'after' as const },
]);
points.unshift({ step: 'reserve', status: 'started', moment: 'after' });

describe('up, killed', () => {
  it.each(points)('$moment $step is $status: is shown, and the next up finishes it', async (point) => {
    const key = await killUpAt(point);
    const [shown] = await listed();
    expect(shown).toMatchObject({ name: 'killed', phase: 'creating' });
    expect(shown?.remarks.join()).toContain('spuff up killed');

    await home.ok(['up', 'killed', '--no-connect']);
    expect(await listed()).toMatchObject([{ name: 'killed', phase: 'ready' }]);
    const { stdout } = await home.ok(['exec', 'killed', '--', 'hostname']);
    expect(stdout).toBe('killed\n');

    await home.ok(['down', 'killed']);
    expect(await machinesOf(key)).toBe(0);
    expect(await listed()).toEqual([]);
  });

  it.each(points)('$moment $step is $status: down removes whatever there is', async (point) => {
    const key = await killUpAt(point);
    await home.ok(['down', 'killed']);
    expect(await machinesOf(key)).toBe(0);
    expect(await listed()).toEqual([]);
  });

  it('gives one winner to two who make the same name at once', async () => {
    const results = await Promise.all([
      home.spuff(['up', 'twin', '--no-connect']),
      home.spuff(['up', 'twin', '--no-connect']),
    ]);
    expect(results.map((result) => result.exitCode).sort()).toEqual([0, 5]);
    const loser = results.find((result) => result.exitCode === 5);
    expect(loser?.stderr).toMatch(/error: .*twin/);
    await home.ok(['exec', 'twin', '--', 'true']);
    await home.ok(['down', 'twin']);
  });

  it('undoes everything on Ctrl-C and says so', async () => {
    const child = home.start(['up', 'stopped', '--no-connect']);
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    // The line that begins the step, as it is written where no terminal is.
    for await (const text of child.stderr ?? []) if (String(text).includes('host key')) break;
    const { key } = await onlyInstance();
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(await machinesOf(key)).toBe(0);
    expect(await listed()).toEqual([]);
  });
});
