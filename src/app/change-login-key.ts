/** Changes who may log in on one machine, so that whoever is cut off at any moment can still log in. */
import { buildKeyChange, readKeyChange } from '../bootstrap/authorized-keys.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { OwnKey } from '../domain/own-key.ts';
import type { RunResult, SshTarget } from '../domain/ssh.ts';
import { escapeText } from '../lib/escape.ts';
import { sayWhenShutOut } from './change-firewall.ts';
import type { AppContext } from './context.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';

const patienceMs = 60_000;

/**
 * Moves one machine to a new key. By the key that it has, the new one is let in; on a connection of its own the new one
 * alone has to open it; then it is written down as the one that logs in; and only then the old ones are taken away, over
 * that connection. The state always names a key that the machine lets in.
 * @param instance as the state has it now
 * @param old what is to open the machine no longer; empty: nothing is taken away
 * @throws SpuffError what keeps the machine from being reached; it lets in what it did before, and perhaps the new key too
 */
export async function moveToKey(
  context: AppContext,
  instance: Instance,
  next: OwnKey,
  old: readonly OwnKey[],
): Promise<void> {
  const [ssh, state] = [await context.ssh(), await context.state()];
  const target = sshTargetOf(requireReady(instance));
  const step = context.progress.start(`new key on ${instance.name}`);
  try {
    await sayWhenShutOut(context, instance, async () => {
      if (instance.sshPublicKeyPath !== next.publicPath) {
        step.update('letting the new key in');
        const options = { timeoutMs: patienceMs, signal: context.signal };
        requireChange(target, await ssh.run(target, buildKeyChange('add', [next.publicKey]), options));
      }
      step.update('proving the new key');
      const removal = buildKeyChange(
        'remove',
        old.map(({ publicKey }) => publicKey),
      );
      const result = await ssh.runProven({ ...target, publicKeyPath: next.publicPath }, removal, {
        timeoutMs: patienceMs,
        signal: context.signal,
        onProven: () => {
          if (instance.sshPublicKeyPath !== next.publicPath)
            state.updateInstance(instance.key, { sshPublicKeyPath: next.publicPath });
          step.update('taking the old key away');
        },
      });
      requireChange(target, result);
    });
    step.done();
  } catch (error) {
    step.fail();
    throw error;
  }
}

/** @throws SpuffError `provider` when the machine's keys are not as they were to be */
export function requireChange(target: Pick<SshTarget, 'name'>, { stdout, stderr }: RunResult): void {
  const change = readKeyChange(stdout);
  if (typeof change === 'string') return;
  const last = escapeText(stderr.trim().split('\n').at(-1) ?? '', { singleLine: true });
  throw new SpuffError(
    'provider',
    `the keys of ${target.name} were not changed: ${change.reason}${last === '' ? '' : ` (${last})`}`,
    { hints: [`look at them: spuff exec ${target.name} -- cat .ssh/authorized_keys`] },
  );
}
