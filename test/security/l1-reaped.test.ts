import { afterAll, beforeAll, expect, it } from 'vitest';
import { offGraceMs } from '../../src/domain/judge-machine.ts';
import { runProcess } from '../../src/lib/process.ts';
import { AgentMachine, until } from '../e2e/agent-machine.ts';
import { type BootMachine, BootScene } from '../e2e/boot-machine.ts';
import { makeSpuffHome } from '../e2e/spuff-process.ts';
import { openProvider, startMachine, testOwner, within } from '../machine/lab.ts';

// L1: a machine that nobody uses switches itself off, with no credential on it, and whoever may reaches for it later: a
// reaper in an empty home. It destroys that machine, and one past its deadline that runs on; nothing else.

const scene = new BootScene();
const provider = openProvider();
const containers: string[] = [];
let idle: AgentMachine;
let busy: AgentMachine;
let overdue: BootMachine;
let stopped: Awaited<ReturnType<typeof startMachine>>;

const idleTimeoutMs = 30_000;
const waitMs = 6 * 60_000;

interface Told {
  machines: { id: string; outcome: string; why: string; receipt: object | null }[];
  failures: unknown[];
}

/** One run of the built spuff, in a home of its own that has never been used. */
async function reap(args: readonly string[] = []): Promise<Map<string, string>> {
  const home = makeSpuffHome();
  const { stdout } = await home.ok(['reap', '--once', '--owner', testOwner, '--json', ...args]);
  const { machines, failures } = JSON.parse(stdout) as Told;
  expect(failures).toEqual([]);
  await home.remove();
  return new Map(machines.map(({ id, outcome, why }) => [id, `${outcome}: ${why}`]));
}

async function stateOf(id: string): Promise<string> {
  const { stdout, exitCode } = await runProcess(['docker', 'inspect', '-f', '{{.State.Status}}', id]);
  return exitCode === 0 ? stdout.trim() : 'none';
}

/** A container of somebody else, with labels that are none of spuff's or only look like them. */
async function startForeign(labels: Record<string, string>): Promise<string> {
  const flags = Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]);
  const image = (await runProcess(['docker', 'inspect', '-f', '{{.Image}}', stopped.id])).stdout.trim();
  // It inherits the labels of its image, which say of what kind that is.
  const argv = ['docker', 'run', '-d', '--entrypoint', '/usr/bin/sleep', ...flags, image, '3600'];
  const { stdout, exitCode } = await runProcess(argv, { timeoutMs: 60_000 });
  expect(exitCode).toBe(0);
  containers.push(stdout.trim());
  return stdout.trim();
}

beforeAll(async () => {
  const login = await scene.makeLoginKey('login');
  idle = await AgentMachine.start(scene, login, { deadline: null, idleTimeoutMs });
  busy = await AgentMachine.start(scene, login, { deadline: null, idleTimeoutMs });
  const work = { argv: ['sleep', '600'], timeoutSeconds: 600 };
  void busy.call({ method: 'POST', path: '/exec', body: work }).catch(() => undefined);
  overdue = await scene.boot(login);
  const { key: expectKey } = overdue;
  // Over by the time that the reaper comes; one from before the machine's making would be no deadline but a wrong clock.
  const expiresAtMs = Date.now() + 2_000;
  await provider.setExpiry(overdue.id, new Date(expiresAtMs), { ...within(60_000), expectKey });
  stopped = await startMachine();
  await until(
    async () =>
      (await runProcess(['docker', 'exec', stopped.id, 'systemctl', 'is-system-running'])).stdout !== '',
  );
  await runProcess(['docker', 'stop', stopped.id], { timeoutMs: 60_000 });
  await until(async () => Date.now() > expiresAtMs + 1_000);
}, waitMs);
afterAll(async () => {
  idle?.closeTunnel();
  busy?.closeTunnel();
  if (containers.length > 0) await runProcess(['docker', 'rm', '-f', ...containers]);
  await scene.remove();
});

it(
  'an idle machine switches itself off and is reaped; a busy one, one that is kept off and what is not spuff’s are not',
  async () => {
    const foreign = await startForeign({ 'spuff.kind': 'none', 'spuff.owner': testOwner });
    const past = new Date(Date.now() - 3_600_000).toISOString();
    const broken = {
      'spuff.kind': 'machine',
      'spuff.key': 'no-key',
      'spuff.owner': testOwner,
      'spuff.expires': past,
    };
    const keyless = await startForeign(broken);

    const dry = await reap(['--dry-run']);
    expect(dry.get(overdue.id)).toBe('to-be-destroyed: past-deadline');
    expect(await stateOf(overdue.id)).toBe('running');
    const first = await reap();
    expect(first.get(overdue.id)).toBe('destroyed: past-deadline');
    expect(first.get(keyless)).toBe('kept: not-spuffs');
    expect(first.has(foreign)).toBe(false);
    expect(await stateOf(overdue.id)).toBe('none');

    await until(async () => (await stateOf(idle.machine.id)) === 'exited');
    const offAtMs = Date.now();
    expect((await reap()).get(idle.machine.id)).toBe('kept: just-off');
    await new Promise((resolve) => setTimeout(resolve, offAtMs + offGraceMs - Date.now()));
    const second = await reap();
    expect(second.get(idle.machine.id)).toBe('destroyed: off-by-itself');
    expect(second.get(busy.machine.id)).toBe('kept: leased');
    expect(second.get(stopped.id)).toBe('kept: off-by-owner');

    const states = [idle.machine.id, busy.machine.id, stopped.id, foreign, keyless].map(stateOf);
    expect(await Promise.all(states)).toEqual(['none', 'running', 'exited', 'running', 'running']);
  },
  waitMs,
);
