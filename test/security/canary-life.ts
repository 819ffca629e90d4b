/** One life of a machine in which every command of spuff has a part. */
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandNames } from '../../src/cli/registry.ts';
import { type CanaryScene, tailnetAddress } from './canary-scene.ts';

/** Commands that have no part in it, and why not. */
export const excused: Readonly<Record<string, string>> = {
  'keep-tunnel': 'a user can’t say it: `tunnel --background`, which is used, starts it',
  'ai install': 'its packages come from the internet; what it sends is an order of setup, as `setup` does',
  'prebuild create':
    'no secret comes to its machine, whose disk l4-prebuild.test.ts searches; it installs from the internet',
  'prebuild rm': 'there is none without `prebuild create`; it sends what `snapshot delete` sends',
};

interface Step {
  args: readonly string[];
  /** What it may end with; 0 when missing. */
  exit?: readonly number[];
  terminal?: boolean;
  env?: Record<string, string>;
}

const say = (line: string, more: Omit<Step, 'args'> = {}): Step => ({ args: line.split(' '), ...more });

/** One after the other; what has an & between runs at the same time. */
type Course = readonly (Step | string)[];

const before = (scene: CanaryScene): Course => [
  'version & completion bash & schema & bundles & ai list & ai info claude-code',
  'config path & config show & config get user & config explain size & validate & policy show & policy check',
  say('config edit', { terminal: true }),
  'config set idle_timeout 2h',
  'config unset idle_timeout',
  'providers & sizes & regions & incident list & prebuild list & reaper workflow github',
  'config set provider local',
  'image list & image build',
  say('image rm no-such-image', { exit: [4] }),
  'config set provider digitalocean',
  say('doctor', { exit: [0, 1] }),
  // Without its commands having been let to run, none runs.
  say('up shop --no-connect', { exit: [15] }),
  'trust --show',
  'trust',
  'up shop --dry-run',
  say('key new', { terminal: true, env: scene.asking }),
  'key list',
];

const during = (scene: CanaryScene): Course => [
  'ls & ls --refresh & status shop --detailed & why shop & cost & logs shop & logs shop --setup & logs shop --script 1',
  'agent status shop & agent metrics shop & agent processes shop & agent logs shop & agent activity shop',
  'agent exec-log shop & ai status shop & guard status shop & firewall show shop',
  // `up` has mounted it, but goes on without where that fails.
  say('volume unmount shop', { exit: [0, 4] }),
  'volume mount shop',
  'volume ls & volume status shop',
  'volume remount shop',
  'volume unmount shop',
  'agent upgrade shop',
  'setup shop --again',
  'extend shop 1h',
  'keep shop --for 1h',
  'keep shop --end',
  'ssh shop -- true & exec shop -A -- true & cp seed/file shop:copy',
  'tunnel shop 3000 --background',
  'tunnel --status',
  'tunnel shop --stop',
  { args: ['guard', 'allow', 'git.example.com', '--host-key', hostKey] },
  say('guard test shop --host git.example.com', { exit: [1] }),
  'guard log',
  'guard revoke --host git.example.com',
  'guard revoke --all',
  'firewall allow shop 203.0.113.0/24',
  'firewall revoke shop 203.0.113.0/24',
  'firewall close shop',
  'firewall allow shop my-ip',
  { args: ['exec', 'shop', '--', 'sh', '-c', 'git init -q repo; cd repo; echo work >file; git add file'] },
  'rescue shop',
  `rescued list & rescued open shop --to ${join(scene.user.path, 'saved')}`,
  'rescued rm --all --force',
  'reap --once --dry-run & orphans & adopt',
  ...['install', 'status', 'uninstall'].map((verb) => `reaper ${verb} --kind cron`),
  say('audit --only S1,S3,V1,V4,P5', { exit: [0, 1] }),
  'sync shop --dry-run',
  'sync shop',
  'sync shop --down',
  'prebuild prune --force',
  'config set tailscale on',
  'config set tailscale_tags tag:dev',
  'tailnet join shop',
  'tailnet leave shop',
  'config unset tailscale',
  'log -n 500 & log verify & key list',
  say('key rotate', { terminal: true, env: scene.asking }),
  say('key revoke SHA256:0EvnKlq7dSTAWYhLqSZUGaDuMELVjqMeZPNIzUlg3Ow --yes', { exit: [0, 4] }),
];

const hostKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)}`;

async function take(scene: CanaryScene, { args, exit = [0], ...at }: Step): Promise<void> {
  const { exitCode, stdout, stderr } = await scene.spuff(args, at);
  if (exitCode !== null && exit.includes(exitCode)) return;
  throw new Error(`spuff ${args.join(' ')} ended with ${exitCode}:\n${stdout}${stderr}`);
}

/** All of them, also after one that fails, so that one run tells of each. */
async function takeAll(scene: CanaryScene, course: Course): Promise<void> {
  const failures: unknown[] = [];
  for (const part of course) {
    const steps = typeof part === 'string' ? part.split(' & ').map((line) => say(line)) : [part];
    const taken = await Promise.allSettled(steps.map((step) => take(scene, step)));
    failures.push(...taken.flatMap((one) => (one.status === 'rejected' ? [one.reason] : [])));
  }
  if (failures.length > 0) throw new Error(failures.map(String).join('\n'));
}

/** A reaper that runs on until it is told to stop. */
async function reapForAWhile(scene: CanaryScene): Promise<void> {
  const args = ['reaper', 'run', '--dry-run'];
  const child = scene.cloud.home.start(['--verbose', ...args], { ...scene.cloud.env, ...scene.shell });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      text += String(chunk);
    });
  const ended = once(child, 'close');
  await new Promise<void>((resolve) => child.stderr?.once('data', () => resolve()));
  child.kill('SIGTERM');
  await ended;
  scene.printed.push({ args, text });
}

/** Up to its machine at work, which stays. */
export async function beginLife(scene: CanaryScene): Promise<void> {
  makeCrontab(scene);
  await take(scene, say('init --project'));
  scene.writeProject();
  await takeAll(scene, before(scene));
  scene.learn();
  await scene.loadOwnKey();
  await take(scene, say('up shop --no-connect --ttl 8h'));
  scene.learn();
}

export async function live(scene: CanaryScene): Promise<void> {
  await scene.asRoot(['install', '-m', '0755', '/dev/stdin', '/usr/local/bin/tailscale'], tailscale);
  await scene.leadTailnet();
  await takeAll(scene, during(scene));
  // The key did come to the machine.
  await scene.asRoot(['test', '-e', '/root/key-was-read']);
  await loseToken(scene);
  await take(scene, say('incident ssh-key --yes --done'));
  await reapForAWhile(scene);
  scene.learn();
}

/** In place of the program: it reads its key, and is in a tailnet of one machine. */
const tailscale = `#!/bin/sh
for word; do case $word in --auth-key=file:*) wc -c "\${word#--auth-key=file:}" >/root/key-was-read;; esac; done
[ "$1" != status ] || echo '{"BackendState":"Running","TailscaleIPs":["${tailnetAddress}"],"Self":{"TailscaleIPs":["${tailnetAddress}"],"Tags":["tag:dev"],"Online":true}}'
`;

/** The provider refuses the token that was lost, and takes the one that is there then. */
async function loseToken(scene: CanaryScene): Promise<void> {
  const env = { DIGITALOCEAN_TOKEN: scene.lostToken };
  await take(scene, say('incident api-token --yes', { env, exit: [0, 1] }));
  const { stdout } = await scene.spuff(['incident', 'list', '--json']);
  const { incidents } = JSON.parse(stdout) as { incidents: { id: string }[] };
  const id = incidents[0]?.id ?? '';
  await take(scene, say(`incident api-token --resume ${id} --yes --done`));
  await take(scene, say(`incident show ${id}`));
}

/** Also to the machine that is to be looked at: its firewall closes. */
export const suspectMachine = (scene: CanaryScene): Promise<void> =>
  take(scene, say('incident vm shop --yes'));

export const takeSnapshot = (scene: CanaryScene): Promise<void> =>
  take(scene, say('snapshot create shop --as kept'));

export const endLife = (scene: CanaryScene): Promise<void> =>
  takeAll(scene, ['snapshot list', 'snapshot prune --keep 5', 'snapshot delete kept', 'down shop']);

/** A program named crontab with a table of its own, so that the user who runs the tests keeps theirs. */
function makeCrontab(scene: CanaryScene): void {
  mkdirSync(scene.programs);
  const table = join(scene.user.path, 'crontab');
  writeFileSync(table, '');
  const program = join(scene.programs, 'crontab');
  writeFileSync(program, `#!/bin/sh\nif [ "$1" = -l ]; then cat '${table}'; else cat >'${table}'; fi\n`);
  chmodSync(program, 0o755);
}

/** The command that arguments name: one or two words. */
export function commandOf(args: readonly string[]): string {
  const [first = '', second = ''] = args;
  const both = `${first} ${second}`;
  return commandNames().includes(both) ? both : first;
}
