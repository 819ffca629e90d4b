/** Machines in the user's tailnet: joining, being reached there, and leaving. */
import {
  buildTailnetJoin,
  buildTailscaleInstall,
  readTailnetStatus,
  tailnetLeave,
} from '../bootstrap/tailscale.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { Secret } from '../domain/secret.ts';
import type { Settings } from '../domain/settings.ts';
import { escapeText } from '../lib/escape.ts';
import { runSecretCommand } from '../lib/secret-command.ts';
import { type AppContext, callOptions } from './context.ts';
import { sshTargetOf } from './select-instance.ts';

const keyVariable = 'TS_AUTHKEY';
const installMs = 10 * 60_000;
const joinMs = 2 * 60_000;

/**
 * Whether there is something to ask for a key, before a machine is made.
 * @throws SpuffError `auth` that says where it may come from
 */
export function requireTailnetKey(settings: Settings, env: NodeJS.ProcessEnv = process.env): void {
  if ((env[keyVariable] ?? '').trim() !== '' || settings.tailscaleKeyCommand !== null) return;
  throw new SpuffError('auth', 'there is no auth key of your tailnet', {
    hints: [
      'make one at https://login.tailscale.com/admin/settings/keys: ephemeral, pre-approved and tagged',
      `set it in the environment: export ${keyVariable}=tskey-…`,
      'or name a command that prints it: spuff config set tailscale_key_command "op read op://vault/tailnet/key"',
    ],
  });
}

async function readTailnetKey({ signal }: AppContext, settings: Settings): Promise<Secret> {
  requireTailnetKey(settings);
  const variable = (process.env[keyVariable] ?? '').trim();
  const key =
    variable !== ''
      ? variable
      : (
          await runSecretCommand(
            {
              ...{
                name: 'tailscale_key_command',
                line: settings.tailscaleKeyCommand ?? '',
                env: process.env,
              },
              withheld: new Set([keyVariable]),
              hint: 'run it by hand to see why: spuff config get tailscale_key_command',
            },
            signal,
          )
        ).trim();
  if (/^[\x21-\x7e]{8,512}$/.test(key)) return new Secret(key);
  throw new SpuffError('auth', 'the auth key of your tailnet is not one word of plain characters', {
    hints: [`look at what ${variable === '' ? 'tailscale_key_command prints' : `${keyVariable} holds`}`],
  });
}

/**
 * Puts a machine into the tailnet: over SSH, after its host key is pinned. It counts as reached there only when it has proven
 * there, from this computer, that it is the machine that was meant; and only then port 22 is closed to others, where that
 * is wished. May be repeated.
 * @throws SpuffError `auth` without a key, `setup` for what fails on the machine
 */
export async function joinTailnet(
  context: AppContext,
  instance: Instance,
  settings: Settings,
): Promise<Instance> {
  const key = await readTailnetKey(context, settings);
  const step = context.progress.start(`${instance.name} in the tailnet`);
  try {
    const status = await joinOnMachine(context, instance, settings, key);
    const tailnet = { host: status.host, isPublicClosed: instance.tailnet?.isPublicClosed ?? false };
    const reached = await proveTailnet(context, { ...instance, tailnet });
    if (!reached) {
      step.done();
      context.progress.warn(
        `${instance.name} is in the tailnet as ${status.host}, and not reached there from here`,
        [
          'is this computer in the tailnet, and do its rules let it in? tailscale status',
          `then: spuff tailnet join ${instance.name}`,
        ],
      );
      return instance;
    }
    const state = await context.state();
    const joined = state.updateInstance(instance.key, { tailnet });
    const closed = settings.tailscaleClosePublicSsh ? await closePublicSsh(context, joined) : joined;
    step.done();
    return closed;
  } catch (error) {
    step.fail();
    throw error;
  }
}

async function joinOnMachine(context: AppContext, instance: Instance, settings: Settings, key: Secret) {
  const ssh = await context.ssh();
  const target = sshTargetOf(instance);
  const { signal } = context;
  const installed = await ssh.run(target, buildTailscaleInstall(), { signal, timeoutMs: installMs });
  if (installed.exitCode !== 0)
    throw failed(`tailscale could not be installed on ${instance.name}`, installed.stderr);
  const argv = buildTailnetJoin({ hostname: instance.name, tags: settings.tailscaleTags });
  const joined = await ssh.run(target, argv, { stdin: `${key.reveal()}\n`, signal, timeoutMs: joinMs });
  // What tailscale says may hold the key that it refuses.
  const said = joined.stderr.replaceAll(key.reveal(), '[redacted]');
  if (joined.exitCode !== 0) throw failed(`${instance.name} could not join the tailnet`, said);
  const status = readTailnetStatus(joined.stdout);
  if ('reason' in status)
    throw failed(`${instance.name} is not in the tailnet`, escapeText(status.reason, { singleLine: true }));
  const missing = (settings.tailscaleTags ?? []).filter((tag) => !status.tags.includes(tag));
  if (missing.length > 0) throw failed(`${instance.name} did not get the tags ${missing.join(', ')}`, '');
  return status;
}

function failed(what: string, said: string): SpuffError {
  const last = escapeText(said.trim().split('\n').at(-1) ?? '', { singleLine: true }).slice(0, 300);
  return new SpuffError('setup', last === '' ? what : `${what}: ${last}`, {
    hints: ['the machine is there; go on with: spuff tailnet join'],
  });
}

/** Over the address in the tailnet alone, to the same pinned host key. */
async function proveTailnet(context: AppContext, instance: Instance): Promise<boolean> {
  const { tailnet } = instance;
  if (tailnet === null) return false;
  const ssh = await context.ssh();
  const target = sshTargetOf({ ...instance, tailnet: null, ssh: { host: tailnet.host, port: 22 } });
  try {
    const { exitCode } = await ssh.run(target, ['true'], { signal: context.signal, timeoutMs: 10_000 });
    return exitCode === 0;
  } catch (error) {
    // Another machine that answers there is no failure of the way, and is said.
    if (error instanceof SpuffError && ['connection', 'timeout'].includes(error.code)) return false;
    throw error;
  }
}

/** Only ever after the machine was reached by the other way. */
async function closePublicSsh(context: AppContext, instance: Instance): Promise<Instance> {
  const { firewall } = await context.provider(instance.provider);
  if (!firewall || instance.tailnet === null) {
    context.progress.warn(`port 22 of ${instance.name} stays open: ${instance.provider} has no firewalls`);
    return instance;
  }
  await firewall.set(instance.key, [], callOptions(context, 60_000));
  // The filter was changed: the way in must still be there, or it is opened again as it was.
  if (!(await proveTailnet(context, instance).catch(() => false))) {
    const { allowNetworks } = await import('./change-firewall.ts');
    await allowNetworks(context, instance, ['my-ip']);
    throw new SpuffError(
      'connection',
      `${instance.name} is not reached by the tailnet without its public port`,
      {
        hints: ['port 22 is open to your address again', `try again: spuff tailnet join ${instance.name}`],
      },
    );
  }
  const tailnet = { ...instance.tailnet, isPublicClosed: true };
  return (await context.state()).updateInstance(instance.key, { tailnet });
}

/**
 * Takes the machine out of the tailnet, as far as it answers. Where it is reached by that alone, port 22 has to be opened
 * before: `spuff firewall allow`.
 * @returns false: it did not answer, and an ephemeral node is forgotten some time after it was last seen
 */
export async function leaveTailnet(
  context: AppContext,
  instance: Instance,
  timeoutMs: number,
): Promise<boolean> {
  if (instance.tailnet === null) return true;
  try {
    const ssh = await context.ssh();
    const target = sshTargetOf(instance);
    // Its own way may be cut by this: the answer is not waited for long.
    const { exitCode } = await ssh.run(target, tailnetLeave, { signal: context.signal, timeoutMs });
    return exitCode === 0;
  } catch (error) {
    if (!(error instanceof SpuffError) || ['interrupted', 'internal'].includes(error.code)) throw error;
    return false;
  }
}
