import { relative } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { SshTarget } from '../domain/ssh.ts';

/**
 * Which instance a command means: the one that is named, else the one that `up` made in this directory or the nearest one
 * above it, else the only one there is.
 * @throws SpuffError `not-found` or `usage`, listing what there is
 */
export function selectInstance(
  instances: readonly Instance[],
  wanted: { name: string | undefined; directory: string },
): Instance {
  if (wanted.name !== undefined) return findNamed(instances, wanted.name);
  if (instances.length === 0) {
    throw new SpuffError('not-found', 'there is no instance', { hints: ['make one: spuff up'] });
  }
  const here = nearestTo(instances, wanted.directory);
  const only = here.length > 0 ? here : instances;
  const [first] = only;
  if (first && only.length === 1) return first;
  const names = only.map((instance) => instance.name).join(', ');
  const where = here.length > 1 ? 'in this directory' : 'and none of them is of this directory';
  throw new SpuffError('usage', `which instance? There are ${only.length} ${where}: ${names}`, {
    hints: [`name it, for example: spuff status ${first?.name ?? ''}`.trim()],
  });
}

function findNamed(instances: readonly Instance[], name: string): Instance {
  const found = instances.find((instance) => instance.name === name || instance.key === name);
  if (found) return found;
  const names = instances.map((instance) => instance.name).join(', ');
  throw new SpuffError('not-found', `there is no instance named ${JSON.stringify(name)}`, {
    hints: [names === '' ? `make it: spuff up ${name}` : `there are: ${names}`],
  });
}

/** The instances of the deepest directory that is `directory` or above it. */
function nearestTo(instances: readonly Instance[], directory: string): Instance[] {
  const above = instances.filter((instance) => {
    const path = relative(instance.directory, directory);
    return path === '' || !(path === '..' || path.startsWith('../') || path.startsWith('/'));
  });
  const deepest = Math.max(...above.map((instance) => instance.directory.length));
  return above.filter((instance) => instance.directory.length === deepest);
}

/**
 * What ssh needs to reach an instance.
 * @throws SpuffError `conflict` while the instance has no address yet; `host-identity` when its host key is lost
 */
export function sshTargetOf(instance: Instance): SshTarget {
  if (!instance.ssh) {
    throw new SpuffError('conflict', `${instance.name} has no address yet: it was not made completely`, {
      hints: [`go on making it: spuff up ${instance.name}`, `or remove it: spuff down ${instance.name}`],
    });
  }
  const identity = instance.hostIdentity;
  if (identity.phase === 'lost') throw hostKeyLost(instance);
  return {
    key: instance.key,
    name: instance.name,
    host: instance.ssh.host,
    port: instance.ssh.port,
    ...(instance.tailnet && { tailnet: instance.tailnet }),
    user: instance.user,
    publicKeyPath: instance.sshPublicKeyPath,
    identity,
  };
}

function hostKeyLost({ name, key }: Instance): SpuffError {
  return new SpuffError(
    'host-identity',
    `the host key of ${name} is not known on this computer: it was adopted`,
    {
      hints: [
        "read it where the provider shows the machine's console: sudo ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key",
        `then give it: spuff adopt ${key} --host-key "ssh-ed25519 AAAA…"`,
        `or keep its disk and start anew from it: spuff snapshot create ${name}`,
      ],
    },
  );
}

/** @throws SpuffError `conflict` unless the instance is ready for use */
export function requireReady(instance: Instance): Instance {
  if (instance.phase === 'ready') return instance;
  const doing = instance.phase === 'creating' ? 'being made' : 'being destroyed';
  throw new SpuffError('conflict', `${instance.name} is ${doing}, or that was interrupted`, {
    hints: [
      ...(instance.phase === 'creating' ? [`go on making it: spuff up ${instance.name}`] : []),
      `remove it: spuff down ${instance.name}`,
    ],
  });
}
