/** What is taken off a disk before it is kept for other machines. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { setupLogFolder, setupStateFolder } from '../domain/setup-paths.ts';
import { escapeText } from '../lib/escape.ts';
import type { AppContext } from './context.ts';
import { sshTargetOf } from './select-instance.ts';

const holdsVariables = 90;
const isInTailnet = 91;

/**
 * Fixed text, run as root. Arguments: the login user's home, the folder of a setup's state, that of its logs. Of homes stays
 * what bundles put there (`rustup` and `mix` do), and the keys that let the user in, because the machine goes on: a machine from
 * the disk takes those away before it lets anybody in.
 */
export const cleanScript = `set -eu
home=$1 state=$2 logs=$3
[ ! -e "$state/order.json" ] && [ ! -e /run/spuff/env/session.sh ] || exit ${holdsVariables}
[ ! -e /var/lib/tailscale/tailscaled.state ] || exit ${isInTailnet}
for folder in /root "$home"; do
  [ -d "$folder" ] && [ ! -L "$folder" ] || continue
  find "$folder" -xdev -mindepth 1 -maxdepth 1 \\
    ! -name .ssh ! -name .bashrc ! -name .profile ! -name .bash_logout ! -name .rustup ! -name .mix \\
    -exec rm -rf --one-file-system -- {} +
  [ ! -d "$folder/.ssh" ] || [ -L "$folder/.ssh" ] ||
    find "$folder/.ssh" -xdev -mindepth 1 ! -name authorized_keys -delete
done
find /tmp /var/tmp -xdev -mindepth 1 ! -path '*/systemd-private-*' -delete 2>/dev/null || true
for file in /etc/npmrc /usr/etc/npmrc /usr/local/etc/npmrc /opt/*/etc/npmrc; do
  [ ! -f "$file" ] || [ -L "$file" ] || sed -i '/_auth\\|_password/d' "$file"
done
rm -rf -- "$logs"/* /var/cache/spuff /var/cache/debconf/passwords.dat
if command -v apt-get >/dev/null; then apt-get clean; fi
journalctl -q --rotate 2>/dev/null && journalctl -q --vacuum-time=1s 2>/dev/null || true
find /var/log -xdev -type f \\( -name '*.gz' -o -name '*.[0-9]' \\) -delete
sync
`;

/**
 * Takes off what programs and people may have left. Nothing of the user's has come to a machine that is cleaned, so this is
 * a second line.
 * @throws SpuffError `conflict` where the machine holds a project's variables, or the key of a node in a tailnet; `agent` | `connection`
 */
export async function cleanForPrebuild(context: AppContext, instance: Instance): Promise<void> {
  const ssh = await context.ssh();
  const argv = [
    ...['sudo', '-n', 'sh', '-c', cleanScript, 'spuff-clean'],
    ...[`/home/${instance.user}`, setupStateFolder, setupLogFolder],
  ];
  const options = { timeoutMs: 120_000, signal: context.signal };
  const { exitCode, stderr } = await ssh.run(sshTargetOf(instance), argv, options);
  if (exitCode === 0) return;
  if (exitCode === holdsVariables) {
    throw new SpuffError('conflict', `${instance.name} holds variables of a project: its disk is not kept`);
  }
  if (exitCode === isInTailnet) {
    throw new SpuffError(
      'conflict',
      `${instance.name} is in a tailnet, and its disk holds the key: it is not kept`,
    );
  }
  const said = escapeText(stderr.trim().split('\n').slice(-3).join('; '), { singleLine: true });
  throw new SpuffError(
    'agent',
    `the disk of ${instance.name} could not be cleaned: ${said || 'no reason was given'}`,
  );
}
