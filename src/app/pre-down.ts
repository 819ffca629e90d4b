import { preDownLogPath, preDownPath, preDownUnit } from '../domain/agent-config.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { escapeText } from '../lib/escape.ts';
import type { AppContext } from './context.ts';
import { sshTargetOf } from './select-instance.ts';

/** To log in and look; a machine that does not answer by then is destroyed without. */
const lookTimeoutMs = 20_000;

/** What systemd takes to end a hook that is past its limit, and the way there and back. */
const slackMs = 20_000;

/** Fixed text; the paths reach it as arguments. Says at the end what the hook printed last. */
const script = 'sudo -n systemctl start "$1" && exit 0; tail -n 3 "$2" >&2 2>/dev/null; exit 1';

/**
 * Runs the pre-down hook of a machine that is about to be destroyed, where it has one. systemd holds it to its limit.
 * Nothing that goes wrong here keeps the machine: it is a warning.
 * @throws SpuffError `interrupted` alone
 */
export async function runPreDownHook(context: AppContext, instance: Instance): Promise<void> {
  if (!isReachable(instance)) return;
  const target = sshTargetOf(instance);
  try {
    const ssh = await context.ssh();
    const looked = await ssh.run(target, ['test', '-x', preDownPath], {
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(lookTimeoutMs)]),
      timeoutMs: lookTimeoutMs,
    });
    if (looked.exitCode !== 0) return;
    const { preDownTimeoutMs } = await context.settings();
    const step = context.progress.start(`pre-down hook on ${instance.name}`);
    const argv = ['sh', '-c', script, 'spuff', preDownUnit, preDownLogPath];
    const { exitCode, stderr } = await ssh
      .run(target, argv, { signal: context.signal, timeoutMs: preDownTimeoutMs + slackMs })
      .catch((error: unknown) => {
        step.fail();
        throw error;
      });
    if (exitCode === 0) step.done();
    else {
      step.fail();
      const said = escapeText(stderr.trim().split('\n').slice(-3).join('; '), { singleLine: true });
      context.progress.warn(`the pre-down hook on ${instance.name} failed: ${said || 'it printed nothing'}`);
    }
  } catch (error) {
    if (context.signal.aborted || !(error instanceof SpuffError) || error.code === 'internal') throw error;
    context.progress.warn(`no pre-down hook was run on ${instance.name}: ${error.message}`);
  }
}

/** One that was never finished has no hook, one that is off runs none, and one whose key is lost is sent nothing. */
function isReachable({ phase, ssh, hostIdentity, vmState }: Instance): boolean {
  const isOff = vmState !== null && vmState.state !== 'running' && vmState.state !== 'unknown';
  return phase === 'ready' && ssh !== null && hostIdentity.phase === 'pinned' && !isOff;
}
