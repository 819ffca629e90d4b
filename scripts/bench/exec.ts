import { join } from 'node:path';
import { openStateStore } from '../../src/state/state-store.ts';
import { commandJob, measureInTurn, runTimed } from './measure.ts';
import type { BenchSetup } from './setup.ts';
import { compare } from './start-up.ts';
import type { Row } from './table.ts';

/** `spuff exec` against plain ssh to the same machine, with and without connection sharing. */
export async function measureExec(setup: BenchSetup, rounds: number): Promise<Row[]> {
  const ssh = plainSsh(setup);
  const socket = join(setup.home, '..', 'peer.sock');
  const shared = ['ssh', '-o', `ControlPath=${socket}`, ...ssh];
  await runTimed([
    'ssh',
    '-o',
    'ControlMaster=yes',
    '-o',
    `ControlPath=${socket}`,
    '-o',
    'ControlPersist=10m',
    ...ssh,
    'true',
  ]);
  try {
    const [exec, overShared, plain] = await measureInTurn(
      [
        commandJob('spuff exec bench -- true', [...setup.command, 'exec', 'bench', '--', 'true'], setup.env),
        commandJob('ssh true, connection shared', [...shared, 'true']),
        commandJob('ssh true', ['ssh', ...ssh, 'true']),
      ],
      rounds,
    );
    if (!exec || !overShared || !plain) throw new Error('a job was not measured');
    return [compare(exec, overShared, 1.5), compare(exec, plain, null)];
  } finally {
    await runTimed(['ssh', '-O', 'exit', '-o', `ControlPath=${socket}`, ...ssh]);
  }
}

/** What a person would type by hand, host key checked. */
export function plainSsh(setup: BenchSetup, name = 'bench'): string[] {
  const store = openStateStore({ path: join(setup.home, 'state.db'), readOnly: true });
  const instance = store.findInstance(name);
  store.close();
  if (!instance?.ssh) throw new Error('the machine of the benchmark has no address');
  const options = [
    `HostKeyAlias=spuff-${instance.key}`,
    `UserKnownHostsFile="${join(setup.home, 'known_hosts', instance.key)}"`,
    'StrictHostKeyChecking=yes',
    'IdentitiesOnly=yes',
    'LogLevel=ERROR',
  ];
  return [
    ...options.flatMap((option) => ['-o', option]),
    ...['-F', 'none', '-i', join(setup.home, 'keys', 'id_ed25519'), '-p', String(instance.ssh.port)],
    `${instance.user}@${instance.ssh.host}`,
  ];
}
