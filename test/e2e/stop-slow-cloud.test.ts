/** Ctrl-C while a cloud is slow to answer: the program ends, or undoes, without waiting for the answer. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CloudScene, openCloudScene } from '../security/clouds.ts';
import { simulatedClouds } from '../simulators/start.ts';

/** How long each answer takes: whoever ends sooner has not waited for one. */
const slowMs = 60_000;
/** It is a fraction of a second; the rest is for computers that are busy. */
const soonMs = 10_000;

describe.each(simulatedClouds)('Ctrl-C, and %s is slow', (name) => {
  let scene: CloudScene;
  beforeAll(async () => {
    scene = await openCloudScene(name);
  });
  afterEach(() => {
    scene.harness.sim.delayMs = 0;
    scene.harness.sim.healAll();
  });
  afterAll(() => scene.close());

  it('to tell its sizes: up ends at once, and has made nothing', async () => {
    const { harness } = scene;
    harness.sim.delayMs = slowMs;
    const run = watch(scene, ['up', 'demo', '--no-connect']);
    await run.asks();
    const outcome = await run.stop();
    expect(outcome).toMatchObject({ exitCode: 130, soon: true });
    expect(outcome.stderr).toContain('error: stopped; nothing was made');
    harness.sim.delayMs = 0;
    expect(JSON.parse((await scene.spuff(['ls', '--json'])).stdout).instances).toEqual([]);
    expect(harness.cloud.inventory()).toEqual({});
  });

  it('to tell its machines: ls ends at once, and prints no list as if it were one', async () => {
    scene.harness.sim.delayMs = slowMs;
    const run = watch(scene, ['ls', '--refresh']);
    await run.asks();
    const outcome = await run.stop();
    expect(outcome).toMatchObject({ exitCode: 130, soon: true, stdout: '' });
    expect(outcome.stderr).toMatch(/error: stopped\n/);
  });

  it('after the order: up stops waiting, says so, and destroys the machine', async () => {
    const { harness } = scene;
    slowAfterOrder(scene);
    const run = watch(scene, ['up', 'demo', '--no-connect']);
    await run.asksAfterOrder();
    expect(harness.cloud.machineIds()).toHaveLength(1);
    harness.sim.healAll();
    harness.sim.delayMs = 0;
    const outcome = run.stop();
    expect(await run.says('stopping; what was begun is undone')).toBe(true);
    expect(await outcome).toMatchObject({ exitCode: 130 });
    expect((await outcome).ms).toBeLessThan(slowMs - soonMs);
    expect((await outcome).stderr).toContain('stopped; what had been made is removed again');
    expect(harness.cloud.inventory()).toEqual({});
  });

  it('to accept the order, and late to list the machine: up looks for it, and destroys it', async () => {
    const { sim, cloud, isCreate, provider } = scene.harness;
    cloud.listLagSeconds = provider.caps.listLagSeconds;
    sim.fail({
      kind: 'answer',
      match: (request) => {
        if (isCreate(request)) sim.delayMs = slowMs;
        return false;
      },
    });
    const run = watch(scene, ['up', 'demo', '--no-connect']);
    await run.asksAfterOrder();
    await waitUntil(() => cloud.machineIds().length === 1, soonMs);
    sim.delayMs = 0;
    const outcome = await run.stop();
    expect(outcome).toMatchObject({ exitCode: 130 });
    expect(outcome.stderr).toContain('whether demo was ordered is not known');
    expect(outcome.stderr).toContain('stopped; what had been made is removed again');
    cloud.listLagSeconds = 0;
    expect(cloud.inventory()).toEqual({});
  });

  it('also to destroy it: Ctrl-C again ends up at once, and tells what is left and how to remove it', async () => {
    const { harness } = scene;
    slowAfterOrder(scene);
    const run = watch(scene, ['up', 'demo', '--no-connect']);
    await run.asksAfterOrder();
    run.child.kill('SIGINT');
    expect(await run.says('Ctrl-C again: stop at once')).toBe(true);
    const outcome = await run.stop();
    expect(outcome).toMatchObject({ exitCode: 130, soon: true });
    expect(outcome.stderr).toContain('error: stopped at once; demo may still be there, and cost money');
    expect(outcome.stderr).toContain('hint: remove it: spuff down demo');
    harness.sim.healAll();
    harness.sim.delayMs = 0;
    expect(harness.cloud.machineIds()).toHaveLength(1);
    expect(await scene.spuff(['down', 'demo', '--force'])).toMatchObject({ exitCode: 0 });
    expect(harness.cloud.inventory()).toEqual({});
  });
});

/** From the first request after the order of a machine on, the cloud is slow. */
function slowAfterOrder({ harness }: CloudScene): void {
  let ordered = false;
  harness.sim.fail({
    kind: 'answer',
    times: Number.POSITIVE_INFINITY,
    match: (request) => {
      if (ordered) harness.sim.delayMs = slowMs;
      ordered ||= harness.isCreate(request);
      return false;
    },
  });
}

interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  /** From Ctrl-C to the end. */
  ms: number;
  soon: boolean;
}

interface Run {
  child: ChildProcess;
  /** Comes back once the cloud has been asked for something, and has not answered. */
  asks(): Promise<void>;
  asksAfterOrder(): Promise<void>;
  /** Whether it says so soon. */
  says(text: string): Promise<boolean>;
  /** Presses Ctrl-C, and waits for the end. */
  stop(): Promise<Outcome>;
}

function watch(scene: CloudScene, args: readonly string[]): Run {
  const { sim } = scene.harness;
  const before = sim.requests.length;
  const child = scene.start(args);
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close') as Promise<[number | null]>;
  const needs = async (isSo: () => boolean) => {
    if (!(await waitUntil(isSo, 60_000))) throw new Error(`it was not asked:\n${stdout}${stderr}`);
  };
  return {
    child,
    asks: () => needs(() => sim.requests.length > before),
    asksAfterOrder: () => needs(() => sim.delayMs > 0),
    says: (text) => waitUntil(() => stderr.includes(text), soonMs),
    stop: async () => {
      const startMs = Date.now();
      child.kill('SIGINT');
      const [exitCode] = await ended;
      const ms = Date.now() - startMs;
      return { exitCode, stdout, stderr, ms, soon: ms < soonMs };
    },
  };
}

async function waitUntil(isSo: () => boolean, patienceMs: number): Promise<boolean> {
  const endMs = Date.now() + patienceMs;
  while (!isSo() && Date.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 20));
  return isSo();
}
