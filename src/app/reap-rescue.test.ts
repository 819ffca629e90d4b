import { describe, it } from 'vitest';
import { createFakeRuntime } from '../../test/contract/fake-cloud.ts';
import { createFakeProvider } from '../../test/contract/fake-provider.ts';
import { makeReapScene } from '../../test/fakes/reap-scene.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { makeSpec } from '../../test/machine/lab.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Vm } from '../domain/provider.ts';
import type { RescueStore, RescueWriter } from '../domain/rescue.ts';
import { defaultSettings } from '../domain/settings.ts';
import type { Ssh } from '../domain/ssh.ts';
import type { AgentPackage } from './context.ts';

/** A reaper with `rescue: on`, and machines whose lease of a minute is over. */
async function rescuing(run: Ssh['run'], names: readonly string[]) {
  const runtime = createFakeRuntime();
  const provider = createFakeProvider({ runtime, caps: { clock: 'this-computer' } });
  const within = { signal: new AbortController().signal, deadline: new Date(runtime.now() + 60_000) };
  const scene = makeReapScene(provider, runtime);
  const settings = async () => ({ ...defaultSettings, provider: provider.id, rescue: true });
  const dropped: RescueWriter = {
    write: async () => undefined,
    keep: () => Promise.reject(new TypeError('nothing arrived whole')),
    discard: async () => undefined,
  };
  const rescues = async () => ({ begin: async () => dropped }) as Partial<RescueStore> as RescueStore;
  const agentPackage = async () => ({ rescuePath: import.meta.filename }) as AgentPackage;
  const nothing = async () => undefined;
  const ssh = async () => ({ disconnect: nothing, forget: nothing, run }) as Partial<Ssh> as Ssh;
  Object.assign(scene.context, { settings, rescues, agentPackage, ssh });
  for (const name of names) {
    const expiresAt = new Date(runtime.now() + 60_000);
    const spec = makeSpec({ region: 'here', size: 'small', instanceName: name, expiresAt });
    const { id } = await provider.create(spec, within);
    const vm = (await provider.waitFor(id, 'running', within)) as Vm;
    if (name === 'unknown') continue;
    scene.state.insertInstance(sampleInstance({ name, key: vm.key as never, vmId: vm.id, expiresAt }));
  }
  runtime.advance(120_000);
  return scene;
}

describe('work on a machine that is past its deadline and runs', () => {
  it('is asked for, and a machine that does not give it is destroyed all the same; the receipt says so', async ({
    expect,
  }) => {
    const asked: string[] = [];
    const fail: Ssh['run'] = async ({ name }) => {
      asked.push(name);
      throw new SpuffError('connection', 'no route to host');
    };
    const scene = await rescuing(fail, ['known', 'unknown']);
    const { machines } = await scene.reap();
    const told = machines.map(({ name, outcome, receipt }) => [name, outcome, receipt?.rescue]);
    expect(told.sort()).toEqual([
      ['known', 'destroyed', { outcome: 'failed', name: null }],
      ['unknown', 'destroyed', null],
    ]);
    expect(asked).toEqual(['known']);
  });

  it('keeps it for two minutes at most', async ({ expect }) => {
    const limits: (number | undefined)[] = [];
    const slow: Ssh['run'] = async (_target, _argv, options) => {
      limits.push(options?.timeoutMs);
      throw new SpuffError('timeout', 'too slow');
    };
    const scene = await rescuing(slow, ['slow']);
    expect(await scene.outcomes()).toEqual(['slow: destroyed, past-deadline']);
    expect(limits).toEqual([120_000]);
  });
});
