import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildUserData } from '../../src/bootstrap/user-data.ts';
import { makeInstanceKey } from '../../src/domain/ids.ts';
import { baseSlug, initPath, systemdPath } from '../../src/providers/local/image-recipe.ts';
import { capabilities } from '../../src/providers/local/machine-request.ts';
import { makeHostKey } from '../../src/ssh/host-key.ts';
import { type Job, measureInTurn, runTimed } from './measure.ts';
import type { BenchSetup } from './setup.ts';
import { formatMs, type Row } from './table.ts';

const aimMs = 1_500;

/** `spuff up` against the same image and user data started by a plain script, up to its first SSH login. */
export async function measureUp(setup: BenchSetup, rounds: number): Promise<Row[]> {
  const image = await findImage();
  const up: Job = {
    name: 'spuff up --no-connect',
    once: async () => {
      const { ms } = await setup.spuff(['up', 'bench-up', '--no-connect']);
      await setup.spuff(['down', 'bench-up']);
      return ms;
    },
  };
  const script: Job = {
    name: 'docker run to first SSH login, by a plain script',
    once: () => runPlainScript(setup, image),
  };
  const [spuff, plain] = await measureInTurn([up, script], rounds);
  if (!spuff || !plain) throw new Error('a job was not measured');
  const added = spuff.medianMs - plain.medianMs;
  return [
    {
      what: spuff.name,
      value: formatMs(spuff.medianMs),
      peer: `${plain.name}: ${formatMs(plain.medianMs)}`,
      ratio: `+${formatMs(added)}`,
      aim: `≤ +${formatMs(aimMs)}`,
      met: added <= aimMs,
    },
  ];
}

/** The base image as the engine knows it, by the label that spuff gives it. */
export async function findImage(): Promise<string> {
  const { stdout } = await runTimed([
    'docker',
    'image',
    'ls',
    '--quiet',
    '--filter',
    `label=spuff.slug=${baseSlug}`,
  ]);
  const [image] = stdout.split('\n');
  if (!image) throw new Error('there is no base image');
  return image;
}

/**
 * What a person would write by hand: start the container, then try to log in until it works.
 * @param afterLogin gets the ssh command line for what is to be done there
 */
export async function runPlainScript(
  setup: BenchSetup,
  image: string,
  afterLogin: (argv: readonly string[]) => Promise<unknown> = async () => undefined,
): Promise<number> {
  const key = makeInstanceKey(Date.now(), randomBytes(10));
  const name = `bench-${key}`;
  const seed = await writeSeed(setup, key);
  const start = process.hrtime.bigint();
  try {
    await runTimed([
      ...[
        'docker',
        'create',
        '--name',
        name,
        '--hostname',
        'bench',
        '--stop-signal',
        'SIGRTMIN+3',
        '--cgroupns',
        'private',
      ],
      ...[
        '--cap-drop',
        'ALL',
        ...Object.keys(capabilities).flatMap((capability) => ['--cap-add', capability]),
      ],
      ...[
        '--tmpfs',
        '/run',
        '--tmpfs',
        '/run/lock',
        '-e',
        'container=docker',
        '-p',
        '127.0.0.1::22',
        '--entrypoint',
        initPath,
        image,
        systemdPath,
      ],
    ]);
    await runTimed(['docker', 'cp', `${seed}/lib/.`, `${name}:/var/lib/cloud`]);
    await runTimed(['docker', 'start', name]);
    const port = (await runTimed(['docker', 'port', name, '22/tcp'])).stdout.trim().split(':').at(-1) ?? '';
    await afterLogin(await logInUntilItWorks(setup, port, seed));
    return Number(process.hrtime.bigint() - start) / 1e6;
  } finally {
    await runTimed(['docker', 'rm', '-f', '-v', name]);
  }
}

async function logInUntilItWorks(setup: BenchSetup, port: string, seed: string): Promise<readonly string[]> {
  const options = [
    'HostKeyAlias=bench',
    `UserKnownHostsFile="${seed}/known_hosts"`,
    'StrictHostKeyChecking=yes',
    'IdentitiesOnly=yes',
    'LogLevel=ERROR',
  ];
  const argv = [
    ...['ssh', '-F', 'none', ...options.flatMap((option) => ['-o', option])],
    ...['-i', join(setup.home, 'keys', 'id_ed25519'), '-p', port, 'dev@127.0.0.1'],
  ];
  for (let tries = 0; tries < 600; tries++) {
    try {
      await runTimed([...argv, 'true']);
      return argv;
    } catch {
      // Not up yet: the next try follows at once, as in a shell's until loop.
    }
  }
  throw new Error('the machine of the plain script never let anyone in');
}

async function writeSeed(setup: BenchSetup, key: ReturnType<typeof makeInstanceKey>): Promise<string> {
  const folder = join(setup.home, '..', `seed-${key}`);
  // The machine has no folder for its seed yet: it comes with it.
  const noCloud = join(folder, 'lib', 'seed', 'nocloud');
  mkdirSync(noCloud, { recursive: true });
  writeFileSync(
    join(noCloud, 'meta-data'),
    JSON.stringify({ 'instance-id': key, 'local-hostname': 'bench', dsmode: 'local' }),
  );
  const injectedHostKey = makeHostKey('bench');
  writeFileSync(join(folder, 'known_hosts'), `bench ${injectedHostKey.publicKey}\n`);
  const userData = buildUserData({
    user: 'dev',
    hostName: 'bench',
    key,
    sshPublicKeys: [readFileSync(join(setup.home, 'keys', 'id_ed25519.pub'), 'utf8').trim()],
    injectedHostKey,
    agentTokenSha256: '0'.repeat(64),
    maxUserDataBytes: 65_536,
  });
  writeFileSync(join(noCloud, 'user-data'), userData);
  return folder;
}
