/** Lives of machines for the tests of idleness: one that nobody uses in spite of appearances, and one that works. */
import { runProcess } from '../../src/lib/process.ts';
import { activityResponse } from '../../src/protocol/activity-schema.ts';
import { type AgentMachine, until } from './agent-machine.ts';

/** Two looks of the agent: what is measured over the time between them must last longer. */
export const idleTimeoutMs = 30_000;
const longerThanTimeoutMs = idleTimeoutMs + 17_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const readActivity = async (agent: AgentMachine) => activityResponse.parse(await agent.get('/activity'));

/** Which of the signals showed use within the last two looks. */
export async function readSigns(agent: AgentMachine): Promise<string[]> {
  const { sampledAt, signals } = await readActivity(agent);
  const isFresh = (at: string | null | undefined) => at && Date.parse(sampledAt) - Date.parse(at) < 32_000;
  return (['processes', 'network'] as const).filter((name) => isFresh(signals[name]?.lastBusyAt));
}

/** A build in tmux, then traffic, each for longer than the time-out; gives what the agent saw of each. */
export async function workOn(agent: AgentMachine): Promise<{ build: string[]; traffic: string[] }> {
  const { machine } = agent;
  const tmux = (...argv: string[]) => machine.ok(['tmux', ...argv], { user: 'dev' });
  await tmux('new-session', '-d', 'while :; do timeout 2 sh -c "while :; do :; done"; sleep 8; done');
  await pause(longerThanTimeoutMs);
  const build = await readSigns(agent);
  await tmux('kill-server');
  const send =
    'import sys, time\nwhile True: sys.stdout.write("a" * 10000); sys.stdout.flush(); time.sleep(0.1)';
  const seconds = String(longerThanTimeoutMs / 1_000 + 3);
  const sending = machine.ssh('dev', [`timeout ${seconds} python3 -c '${send}'`], { timeoutMs: 120_000 });
  await pause(longerThanTimeoutMs);
  const traffic = await readSigns(agent);
  await sending;
  return { build, traffic };
}

/** Nothing but a hold, for longer than the time-out, and then the deadline in spite of it. */
export async function holdUntilDeadline(agent: AgentMachine): Promise<{ held: boolean; end: string }> {
  await agent.post('/keep', { seconds: 3_600 });
  await pause(longerThanTimeoutMs);
  const { hold, idle } = await readActivity(agent);
  const held = hold?.reason !== undefined && idle.powerOffAt === hold.until;
  await agent.install({ lease: { deadline: new Date(Date.now() + 5_000), idleTimeoutMs } });
  return { held, end: await awaitEnd(agent) };
}

/** An editor's half that is always awake, over a connection that stays open, and an agent that is killed every 4 s. */
export async function disturb({ machine }: AgentMachine): Promise<void> {
  const folder = '~/.vscode-server/bin';
  const editor = `mkdir -p ${folder}; cp /bin/sh ${folder}/node; exec ${folder}/node -c "while sleep 0.2; do :; done"`;
  void machine.ssh('dev', [editor], { timeoutMs: 600_000 });
  const kill = ['systemctl', 'kill', '-s', 'KILL', 'spuff-agent.service'];
  while ((await machine.run(kill)).exitCode === 0) await pause(4_000);
}

/** What the engine says of a machine once it no longer runs: `exited` when it went by itself. */
export async function awaitEnd({ machine }: AgentMachine): Promise<string> {
  let state = 'running';
  await until(async () => {
    const { stdout } = await runProcess(['docker', 'inspect', '-f', '{{.State.Status}}', machine.id]);
    state = stdout.trim();
    return state !== 'running';
  });
  return state;
}

/** A file of a machine that is off. */
export async function readOff({ machine }: AgentMachine, path: string): Promise<string> {
  const script = 'docker cp "$1:$2" - | tar -xO';
  return (await runProcess(['sh', '-c', script, 'sh', machine.id, path])).stdout;
}
