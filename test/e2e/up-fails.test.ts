/** Each step of `up` fails after it took effect, on a real machine: everything is undone, and the error is the step's. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inputsOf } from '../../src/app/reserve-up.ts';
import { runSaga, type Step } from '../../src/app/saga.ts';
import { draftInstance, type UpRun } from '../../src/app/up-run.ts';
import { upSteps } from '../../src/app/up-steps.ts';
import { SpuffError } from '../../src/domain/errors.ts';
import { silentProgress } from '../../src/domain/progress.ts';
import { systemRuntime } from '../../src/lib/clock.ts';
import { createOpenSsh } from '../../src/ssh/open-ssh.ts';
import { createOwnKeyStore } from '../../src/ssh/own-key-store.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { makeAuditScene } from '../fakes/sample-audit.ts';
import { makeHome, openProvider, within } from '../machine/lab.ts';
import { makeAppContext } from './app-context.ts';

const { home, remove } = makeHome();
const provider = openProvider();
const ssh = createOpenSsh({
  home,
  runtime: systemRuntime,
  mayAsk: false,
  audit: makeAuditScene(home).open(),
});
const state = openStateStore({ path: join(home, 'state.db') });

beforeAll(async () => {
  await createOwnKeyStore({ home, runtime: systemRuntime }).make({ storage: 'disk', passphrase: 'none' });
});

afterAll(() => {
  state.close();
  remove();
});

const context = makeAppContext(home, state);

async function makeRun(): Promise<UpRun> {
  const keys = await ssh.findLoginKeys(join(home, 'keys', 'id_ed25519.pub'));
  const plan = {
    name: 'failing',
    provider: provider.id,
    ...provider.defaults,
    user: 'dev',
    owner: 'spuff-test',
    directory: home,
    ttlMs: 3_600_000,
    idleTimeoutMs: null,
    keys,
    otherRegions: [],
    spot: false,
    onIdle: 'destroy' as const,
    tailnet: false,
    allowSshFrom: null,
    ...{ tariff: null, dearest: null, isBilled: false, maxSpend: null, clockAheadMs: null },
  };
  const instance = draftInstance(context, plan, ssh);
  state.insertInstance(instance);
  return {
    context,
    provider,
    ssh,
    state,
    instance,
    inputs: inputsOf(plan),
  };
}

const names = upSteps({ provider }).map((step) => step.name);

describe('a step of up that fails after it took effect', () => {
  it.each(names)('%s: nothing is left, and the error is its own', async (failing) => {
    const run = await makeRun();
    const steps = upSteps(run).map((step): Step<UpRun> => {
      if (step.name !== failing) return step;
      const fail = async (...given: Parameters<Step<UpRun>['run']>) => {
        await step.run(...given);
        throw new SpuffError('provider', `${step.name} was made to fail`);
      };
      return { ...step, run: fail };
    });
    const operation = state.beginOperation('up', run.instance.key);
    const saga = { steps, run, operation, journal: state, progress: silentProgress };
    await expect(runSaga(saga)).rejects.toThrow(`${failing} was made to fail`);

    expect(await provider.find(run.instance.key, within(20_000))).toBeNull();
    const leftovers: string[] = [];
    for await (const leftover of provider.leftovers(run.instance.key, within(20_000)))
      leftovers.push(leftover.id);
    expect(leftovers).toEqual([]);
    state.deleteInstance(run.instance.key);
  });
});
