/** Brings an order to its machine, over the connection whose host key is pinned, and has it carried out there. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { setupOrderFolder, setupRunningPath, setupUnit } from '../domain/setup-paths.ts';
import { escapeText } from '../lib/escape.ts';
import type { SetupRequest } from '../protocol/setup-schema.ts';
import type { AppContext } from './context.ts';
import { sshTargetOf } from './select-instance.ts';
import { type PreparedSetup, renderSetup } from './setup-order.ts';

const noUnit = 90;
const isRunning = 91;
const notInMemory = 92;

/**
 * Fixed text, run as root. Arguments: the folder, what is there while a setup runs, the unit. Standard input: a line for the
 * request, then the order. It is in memory or nowhere: /run that is a disk takes none.
 */
const sendScript = `set -eu
umask 077
folder=$1 running=$2 unit=$3
[ "$(stat -f -c %T /run)" = tmpfs ] || exit ${notInMemory}
systemctl cat -- "$unit" >/dev/null 2>&1 || exit ${noUnit}
mkdir -p -m 0700 "$folder"
exec 9>"$folder/lock"
flock 9
[ ! -e "$running" ] || exit ${isRunning}
IFS= read -r request
printf '%s\\n' "$request" >"$folder/.request"
cat >"$folder/.order"
mv -f "$folder/.order" "$folder/order.json"
mv -f "$folder/.request" "$folder/request.json"
systemctl reset-failed -- "$unit" 2>/dev/null || true
exec systemctl start -- "$unit"
`;

/**
 * @returns `running` where a setup is at work already: then nothing was sent
 * @throws SpuffError `agent` | `connection`; `unsupported` for a machine that would write it to a disk
 */
export async function sendSetup(
  context: AppContext,
  instance: Instance,
  prepared: PreparedSetup,
  request: SetupRequest,
): Promise<'started' | 'running'> {
  const ssh = await context.ssh();
  const argv = [
    ...['sudo', '-n', 'sh', '-c', sendScript, 'spuff-setup'],
    ...[setupOrderFolder, setupRunningPath, setupUnit],
  ];
  const stdin = renderSetup(prepared, request);
  const options = { stdin, timeoutMs: 60_000, signal: context.signal };
  const { exitCode, stderr } = await ssh.run(sshTargetOf(instance), argv, options);
  if (exitCode === 0) return 'started';
  if (exitCode === isRunning) return 'running';
  if (exitCode === noUnit) {
    throw new SpuffError(
      'agent',
      `the agent on ${instance.name} is older than this, and sets up no project`,
      {
        hints: [`bring it up to date: spuff agent upgrade ${instance.name}`],
      },
    );
  }
  if (exitCode === notInMemory) {
    throw new SpuffError('unsupported', `/run on ${instance.name} is not in memory: nothing was sent`, {
      hints: ['use an image of a distribution with systemd'],
    });
  }
  const said = escapeText(stderr.trim().split('\n').slice(-3).join('; '), { singleLine: true });
  throw new SpuffError(
    'agent',
    `the setup on ${instance.name} could not be started: ${said || 'it gave no reason'}`,
    {
      hints: [`see why: spuff exec ${instance.name} -- sudo journalctl -u ${setupUnit}`],
    },
  );
}

/**
 * Ends a setup that is at work. What it has done stays.
 * @returns whether there was one
 */
export async function stopSetup(context: AppContext, instance: Instance): Promise<boolean> {
  const ssh = await context.ssh();
  const script = '[ -e "$1" ] || exit 3; exec sudo -n systemctl stop -- "$2"';
  const argv = ['sh', '-c', script, 'spuff-setup', setupRunningPath, setupUnit];
  const options = { timeoutMs: 60_000, signal: context.signal };
  const { exitCode, stderr } = await ssh.run(sshTargetOf(instance), argv, options);
  if (exitCode === 0) return true;
  if (exitCode === 3) return false;
  const said = escapeText(stderr.trim(), { singleLine: true });
  throw new SpuffError('agent', `the setup on ${instance.name} could not be stopped: ${said}`);
}
