/** What the state keeps and forgets of real machines: after a damage, and after `spuff down`. */
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonShapes } from '../../src/cli/json-shapes.ts';
import type { InstanceKey } from '../../src/domain/ids.ts';
import { runProcess } from '../../src/lib/process.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { damageInstance } from '../fakes/damage-state.ts';
import { sampleInstance } from '../fakes/sample-instance.ts';
import { openProvider, within } from '../machine/lab.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

let home: SpuffHome;
let state: string;

beforeEach(async () => {
  home = makeSpuffHome();
  state = join(home.path, 'state.db');
  await home.ok(['init', '--yes']);
});
afterEach(() => home.remove());

async function listed(): Promise<{ key: InstanceKey; name: string; phase: string }[]> {
  const { stdout } = await home.ok(['ls', '--json']);
  return (JSON.parse(stdout) as { instances: { key: InstanceKey; name: string; phase: string }[] }).instances;
}

describe('after a damage', () => {
  it('a machine that is not in the state is found, and removed by its key', async () => {
    await home.ok(['up', 'lost', '--no-connect']);
    const [instance] = await listed();
    const key = instance?.key as InstanceKey;
    writeFileSync(state, 'garbage');
    const { stdout: repaired } = await home.spuff(['doctor', '--repair-state', '--json']);
    expect(repaired).toContain(
      `${key}: not in the state (it was made as lost); remove it: spuff down ${key}`,
    );
    const { stdout } = await home.ok(['ls', '--refresh', '--json']);
    const answer = JSON.parse(stdout) as { untracked: unknown[] };
    expect(jsonShapes.instances.schema.safeParse(answer)).toMatchObject({ success: true });
    expect(answer.untracked).toContainEqual(
      expect.objectContaining({ key, instanceName: 'lost', vmState: 'running' }),
    );
    expect((await home.spuff(['exec', key, '--', 'true'])).exitCode).toBe(5);
    await home.ok(['down', key]);
    expect(await openProvider().find(key, within(20_000))).toBeNull();
    expect(await listed()).toEqual([]);
    expect((await home.spuff(['down', key])).exitCode).toBe(4);
  });

  it('an instance that was half made is gone on with', async () => {
    const store = openStateStore({ path: state });
    store.insertInstance(sampleInstance({ name: 'other', provider: 'local' }));
    store.close();
    const child = join(import.meta.dirname, 'up-killed-child.ts');
    await runProcess([process.execPath, child, home.path, 'half', 'create', 'done', 'after']);
    const before = (await listed()).find(({ name }) => name === 'half');
    expect(before?.phase).toBe('creating');
    damageInstance(state, 'other');
    await home.spuff(['doctor', '--repair-state']);
    const repaired = openStateStore({ path: state, readOnly: true });
    const steps = repaired.findOperation(before?.key as InstanceKey)?.steps ?? [];
    repaired.close();
    expect(steps.map(({ name }) => name)).toContain('plan');
    await home.ok(['up', 'half', '--no-connect']);
    expect(await listed()).toMatchObject([{ key: before?.key, phase: 'ready' }]);
    expect((await home.ok(['exec', 'half', '--', 'hostname'])).stdout).toBe('half\n');
    await home.ok(['down', 'half']);
  });
});

describe('after spuff down', () => {
  it('no file of the home has a one-time key or a token of the machine', async () => {
    await home.ok(['up', 'demo', '--no-connect']);
    const store = openStateStore({ path: state, readOnly: true });
    const token = store.listInstances()[0]?.agentToken.reveal() ?? '';
    store.close();
    expect(token).not.toBe('');
    // Somebody looks on, so that the log outlives the command that destroys.
    const looking = openStateStore({ path: state });
    expect(looking.listInstances()).toHaveLength(1);
    await home.ok(['down', 'demo']);
    const files = readdirSync(home.path, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith('keys') && lstatSync(join(home.path, name)).isFile())
      .map((name) => ({ name, text: readFileSync(join(home.path, name), 'latin1') }));
    expect(files.map(({ name }) => name)).toContain('state.db');
    const leaks = files.filter(
      ({ text }) => text.includes('BEGIN OPENSSH PRIVATE KEY') || text.includes(token),
    );
    expect(leaks.map(({ name }) => name)).toEqual([]);
    looking.close();
  });
});
