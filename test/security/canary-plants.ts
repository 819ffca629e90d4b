/** Puts one secret into a place of each kind on purpose, so that a search which does not look there is seen. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writings } from './canary-forms.ts';
import type { CanaryScene } from './canary-scene.ts';

/** Where it must be found: place and path. In metadata it is from the boot on. */
export const plantedAt: readonly string[] = [
  ...Object.keys(writings).flatMap((name) => [
    `files here: planted/${name}`,
    `disk of the machine: /var/planted/${name}`,
    `disk of the snapshot: /var/planted/${name}`,
  ]),
  'files here: /reports/',
  'memory file systems of the machine: /run/planted',
  'memory file systems of the machine: /dev/shm/planted',
  'journal: journalctl',
  'processes of the machine, to root: environ',
  'processes of the machine, to root: cmdline',
  'metadata: /metadata/v1/features/dhcp_enabled',
  'requests to the provider: GET /v2/account',
  'output: exec shop -- cat /tmp/planted',
  ...['another user, here', 'another user, machine 1', 'root, here'].flatMap((who) =>
    ['cmdline', 'environ'].map((path) => `seen by ${who}: ${path}`),
  ),
  ...['here', 'machine 1'].map((where) => `seen by another user, ${where}: /tmp/planted`),
];

const nobody = 65_534;

export async function plant(scene: CanaryScene): Promise<void> {
  const text = scene.planted;
  const folder = join(scene.user.path, 'planted');
  mkdirSync(folder);
  for (const [name, write] of Object.entries(writings)) {
    writeFileSync(join(folder, name), `before ${write(text)} after`);
    await scene.asRoot(
      ['sh', '-c', 'mkdir -p /var/planted; cat >"/var/planted/$1"', 'sh', name],
      write(text),
    );
  }
  await plantOnMachine(scene);
  await plantHere(scene);
  const { DIGITALOCEAN_API_URL = '', DIGITALOCEAN_TOKEN = '' } = scene.cloud.env;
  const headers = { authorization: `Bearer ${DIGITALOCEAN_TOKEN}`, 'x-planted': encodeURIComponent(text) };
  await fetch(`${DIGITALOCEAN_API_URL}/v2/account`, { headers });
  await scene.spuff(['exec', 'shop', '--', 'cat', '/tmp/planted']);
}

/** Longer than what the journal keeps uncompressed. */
const onMachine = `umask 077
cat >/run/planted
cp /run/planted /dev/shm/planted
umask 022
{ echo for all to see; cat /run/planted; } >/tmp/planted
{ printf 'x%.0s' $(seq 3000); cat /run/planted; } | systemd-cat -t planted
text=$(cat /run/planted)
run() { systemd-run --quiet --uid=nobody --unit="$1" --setenv="$2" sh -c 'sleep 600; : "$1"' sh "$3"; }
run planted-argument A=b "$text"
run planted-environment "TEXT=$text" b`;

async function plantOnMachine(scene: CanaryScene): Promise<void> {
  await scene.asRoot(['sh', '-c', onMachine], scene.planted);
}

async function plantHere(scene: CanaryScene): Promise<void> {
  const shared = '/tmp/planted';
  rmSync(shared, { force: true });
  writeFileSync(shared, scene.planted, { mode: 0o644 });
  const wait = ['-e', 'console.log("here"); setInterval(() => 0, 1e6)'];
  const as = { cwd: '/', uid: nobody, gid: nobody } as const;
  const children = [
    spawn(process.execPath, [...wait, scene.planted], { ...as, env: {} }),
    spawn(process.execPath, wait, { ...as, env: { TEXT: scene.planted } }),
  ];
  await Promise.all(children.map(({ stdout }) => once(stdout, 'data')));
  // What an onlooker has said of rounds may be on its way for a while.
  await scene.looked(8);
  for (const child of children) child.kill('SIGKILL');
  rmSync(shared);
}

/** What spuff meets when it does not foresee something: an error with a token in it, and with what it can't know. */
export async function crash(scene: CanaryScene): Promise<number | null> {
  const bug = join(scene.vault, 'bug.cjs');
  const lines = [
    'if (process.argv.includes("log"))',
    '  setTimeout(() => {',
    '    const headers = { authorization: `Bearer ${process.env.DIGITALOCEAN_TOKEN}` };',
    `    throw Object.assign(new Error(\`sent \${headers.authorization}, and \${${JSON.stringify(scene.planted)}}\`), { headers });`,
    '  }, 500);',
  ];
  writeFileSync(bug, lines.join('\n'));
  const env = { NODE_OPTIONS: `--require ${bug}` };
  return (await scene.spuff(['log', '--follow'], { env })).exitCode;
}
