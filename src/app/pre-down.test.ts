import { describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { silentProgress } from '../domain/progress.ts';
import { defaultSettings } from '../domain/settings.ts';
import type { RunResult, Ssh } from '../domain/ssh.ts';
import type { AppContext } from './context.ts';
import { runPreDownHook } from './pre-down.ts';

type Answer = Partial<RunResult> | SpuffError;

/** Runs the hook of a machine that answers like this. Gives what ran there, for how long it might, and the warnings. */
async function tryHook(answers: Answer[], change: Partial<Instance> = {}, aborted = false) {
  const ran: { argv: readonly string[]; timeoutMs: number | undefined }[] = [];
  const warnings: string[] = [];
  const run: Ssh['run'] = async (_target, argv, options) => {
    ran.push({ argv, timeoutMs: options?.timeoutMs });
    const answer = answers.shift() ?? {};
    if (answer instanceof SpuffError) throw answer;
    return { stdout: '', stderr: '', exitCode: 0, ...answer };
  };
  const context = {
    signal: aborted ? AbortSignal.abort() : new AbortController().signal,
    progress: { ...silentProgress, warn: (text: string) => warnings.push(text) },
    settings: async () => ({ ...defaultSettings, preDownTimeoutMs: 90_000 }),
    ssh: async () => ({ run }) as Partial<Ssh>,
  } as unknown as AppContext;
  await runPreDownHook(context, sampleInstance(change));
  return { ran, warnings };
}

describe('the pre-down hook before a machine is destroyed', () => {
  it('is looked for, and no more where there is none', async () => {
    const { ran, warnings } = await tryHook([{ exitCode: 1 }]);
    expect(ran.map(({ argv }) => argv)).toEqual([['test', '-x', '/etc/spuff/pre-down']]);
    expect(warnings).toEqual([]);
  });

  it('is run by its unit, for as long as the setting says and not much longer', async () => {
    const { ran, warnings } = await tryHook([{}, {}]);
    expect(ran[1]?.argv).toContain('spuff-pre-down.service');
    expect(ran[1]?.timeoutMs).toBe(110_000);
    expect(warnings).toEqual([]);
  });

  it('keeps no machine by failing: what it said last is a warning', async () => {
    const { warnings } = await tryHook([{}, { exitCode: 1, stderr: 'one\ntwo\nthree\nfour \u001b[31m\n' }]);
    expect(warnings).toEqual(['the pre-down hook on demo failed: two; three; four \\x1b[31m']);
  });

  it('keeps no machine that can not be reached', async () => {
    const { warnings } = await tryHook([new SpuffError('connection', 'no route to host')]);
    expect(warnings).toEqual(['no pre-down hook was run on demo: no route to host']);
  });

  it('ends the command when the user stops it', async () => {
    const stopped = new SpuffError('interrupted', 'stopped');
    await expect(tryHook([stopped], {}, true)).rejects.toBe(stopped);
  });

  it.each<[string, Partial<Instance>]>([
    ['was never finished', { phase: 'creating' }],
    ['is half destroyed', { phase: 'destroying' }],
    ['has no address', { ssh: null }],
    ['is off', { vmState: { state: 'stopped', checkedAt: new Date(0) } }],
    ['has lost its host key', { hostIdentity: { phase: 'lost' } }],
  ])('is not looked for where the machine %s', async (_how, change) => {
    expect((await tryHook([], change)).ran).toEqual([]);
  });
});
