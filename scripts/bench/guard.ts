/** What the guard adds to the user's own ssh-agent: to one signature, and to a whole git fetch. */
import { randomBytes } from 'node:crypto';
import { connectAgent } from '../../test/guard/agent-client.ts';
import {
  encodeBind,
  encodeLogin,
  keyBlob,
  message,
  proveSession,
  signRequest,
} from '../../test/guard/agent-wire.ts';
import { GuardScene, type LentSession } from '../../test/guard/guard-scene.ts';
import type { LoopbackMachine } from '../../test/loopback/machine.ts';
import { type Job, measureInTurn } from './measure.ts';
import type { Row } from './table.ts';

const signatureAimMs = 2;
const fetchAim = 1.1;

/** Both over real sshds on loopback, with a session open that lends the one and a session that lends the other. */
export async function measureGuard(rounds: number): Promise<Row[]> {
  const scene = new GuardScene();
  try {
    await scene.start();
    scene.makeRepository('repo');
    const guarded = await scene.lend();
    const raw = await scene.lend({ lend: 'raw' });
    const [first, second] = [await guarded.guardSocket('g'), scene.agent.socketPath];
    const rows = [
      await compareSignatures(
        { name: 'a signature through the guard', once: () => signOnce(scene, first) },
        { name: 'by ssh-agent itself', once: () => signOnce(scene, second) },
        rounds * 10,
      ),
    ];
    await raw.run('dev', ['git', 'clone', '-q', 'forge:repo.git', '/home/dev/repo']);
    const jobs = [fetchWith('git fetch through the guard', guarded), fetchWith('with ssh -A', raw)];
    const [fetched, peer] = await measureInTurn(jobs, rounds);
    if (!fetched || !peer) throw new Error('a job was not measured');
    const ratio = fetched.medianMs / peer.medianMs;
    rows.push({
      ...{ what: fetched.name, value: `${fetched.medianMs.toFixed(0)} ms` },
      ...{ peer: `${peer.name}: ${peer.medianMs.toFixed(0)} ms`, ratio: `${ratio.toFixed(2)} ×` },
      ...{ aim: `≤ ${fetchAim} ×`, met: ratio <= fetchAim },
    });
    return rows;
  } finally {
    await scene.remove();
  }
}

async function compareSignatures(own: Job, peer: Job, rounds: number): Promise<Row> {
  const [guard, agent] = await measureInTurn([own, peer], rounds);
  if (!guard || !agent) throw new Error('a job was not measured');
  const added = guard.medianMs - agent.medianMs;
  return {
    ...{ what: guard.name, value: `${guard.medianMs.toFixed(1)} ms` },
    ...{ peer: `${agent.name}: ${agent.medianMs.toFixed(1)} ms`, ratio: `+${added.toFixed(1)} ms` },
    ...{ aim: `≤ +${signatureAimMs} ms`, met: added <= signatureAimMs },
  };
}

/** All that two ssh clients say to an agent for one login on the machine, on a connection of its own. Gives milliseconds. */
async function signOnce(scene: GuardScene, socketPath: string): Promise<number> {
  const bindOf = (host: LoopbackMachine, forwarding: boolean) => {
    const sessionId = randomBytes(32);
    const signature = proveSession(scene.hostKeyOf(host), sessionId);
    return { hostKey: keyBlob(host.hostPublicKey()), sessionId, signature, forwarding };
  };
  const binds = [bindOf(scene.machine, true), bindOf(scene.forge, false)] as const;
  const { sessionId, hostKey } = binds[1];
  const key = keyBlob(scene.lentKey);
  const login = encodeLogin({ sessionId, user: 'git', algorithm: 'ssh-ed25519', key, hostKey });
  const start = process.hrtime.bigint();
  const agent = await connectAgent(socketPath);
  for (const bind of binds) await agent.ask(encodeBind(bind));
  await agent.list();
  const [type] = await agent.ask(signRequest(key, login));
  agent.close();
  if (type !== message.signResponse) throw new Error(`the agent did not sign: ${type}`);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function fetchWith(name: string, session: LentSession): Job {
  return {
    name,
    once: async () => {
      const start = process.hrtime.bigint();
      const { status, stderr } = await session.run('dev', ['git', '-C', '/home/dev/repo', 'fetch', '-q']);
      if (status !== 0) throw new Error(`git fetch exited with ${status}: ${stderr}`);
      return Number(process.hrtime.bigint() - start) / 1e6;
    },
  };
}
