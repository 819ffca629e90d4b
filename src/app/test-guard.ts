import { SpuffError } from '../domain/errors.ts';
import type { Guard, GuardDestination, GuardRecord, RefusalReason } from '../domain/guard.ts';
import type { Instance } from '../domain/instance.ts';
import type { AppContext } from './context.ts';
import { openForwarding } from './open-forwarding.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';

export interface GuardTrial {
  host: string;
  user: string;
  /** `signed`: the guard gave a signature; `unasked`: the machine never came to ask, so look at its network. */
  outcome: 'signed' | 'refused' | 'unasked';
  reason: RefusalReason | null;
  /** ssh's own, on the machine. Forges end a login without a shell with 1. */
  exitStatus: number;
}

/**
 * Tries from the machine what a session there may do: a login at each allowed destination, through a guard as `spuff ssh`
 * opens it. What ssh says goes to standard error.
 * @param host one destination alone
 * @throws SpuffError `config` where the settings lend no guard, `auth` without an ssh-agent, `not-found` for a host that
 * is not in the policy
 */
export async function testGuard(
  context: AppContext,
  instance: Instance,
  host: string | undefined,
): Promise<GuardTrial[]> {
  requireReady(instance);
  await requireGuard(context);
  const destinations = await chooseDestinations(context, instance, host);
  const refused: GuardRecord[] = [];
  const { forwardAgent, close } = await openForwarding(context, instance, (record) => refused.push(record));
  try {
    if (forwardAgent === false || forwardAgent === 'raw') throw noAgent();
    const trials: GuardTrial[] = [];
    for (const destination of destinations) {
      refused.length = 0;
      trials.push(await tryLogin(context, instance, forwardAgent, destination, refused));
    }
    return trials;
  } finally {
    await close();
  }
}

async function requireGuard(context: AppContext): Promise<void> {
  const { forwardAgent } = await context.settings();
  if (forwardAgent === 'guard') return;
  throw new SpuffError('config', `sessions lend no guard: forward_agent is ${forwardAgent}`, {
    hints: ['lend it: spuff config set forward_agent guard'],
  });
}

function noAgent(): SpuffError {
  return new SpuffError('auth', 'no ssh-agent runs here, so there is nothing to lend', {
    hints: ['start one: eval "$(ssh-agent)"', 'and give it your key: ssh-add'],
  });
}

async function chooseDestinations(
  context: AppContext,
  instance: Instance,
  host: string | undefined,
): Promise<readonly GuardDestination[]> {
  const { destinations } = await context.guardPolicy(instance.directory);
  const chosen = host === undefined ? destinations : destinations.filter(({ name }) => name === host);
  if (chosen.length > 0) return chosen;
  if (host === undefined) throw new SpuffError('config', 'the policy of the guard allows no host');
  throw new SpuffError('not-found', `the policy of the guard does not allow ${JSON.stringify(host)}`, {
    hints: [
      `there are: ${destinations.map(({ name }) => name).join(', ')}`,
      'allow it: spuff guard allow HOST',
    ],
  });
}

/** On the machine: standard output is the result's. */
const toStandardError = ['sh', '-c', 'exec "$@" >&2', 'sh'];

async function tryLogin(
  context: AppContext,
  instance: Instance,
  guard: Guard,
  { name, users }: GuardDestination,
  refused: readonly GuardRecord[],
): Promise<GuardTrial> {
  const [user = 'git'] = users;
  const ssh = await context.ssh();
  const before = guard.status().signed;
  const [, host = name, port = '22'] = /^\[(.+)\]:(\d+)$/.exec(name) ?? [];
  const options = ['-T', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10', '-l', user, '-p', port];
  const login = ['ssh', ...options, '--', host];
  const session = { tty: false, forwardAgent: guard, shared: false, signal: context.signal };
  const exitStatus = await ssh.openSession(sshTargetOf(instance), [...toStandardError, ...login], session);
  if (guard.status().signed > before)
    return { host: name, user, outcome: 'signed', reason: null, exitStatus };
  const reason = refused.findLast(({ request }) => request.kind === 'login')?.reason ?? null;
  return { host: name, user, outcome: reason === null ? 'unasked' : 'refused', reason, exitStatus };
}
