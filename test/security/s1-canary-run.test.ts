/** S1, and V5, W4, S2 to S5 with it: every command once, a different secret in each place, and then a search of everything. */
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commandNames } from '../../src/cli/registry.ts';
import { beginLife, commandOf, endLife, excused, live, suspectMachine, takeSnapshot } from './canary-life.ts';
import { crash, plant, plantedAt } from './canary-plants.ts';
import { CanaryScene } from './canary-scene.ts';
import { type Amounts, CanarySearch, type Finding } from './canary-search.ts';

const variables = /^variable of /;
/** Where a secret may be, and why. Each of these is where it is found. */
const rightful: readonly { name: RegExp; at: RegExp; why: string }[] = [
  {
    name: /^agent token$/,
    at: /^files here: .*\/home\/state\.db(?:-wal)?$/,
    why: 'the CLI asks the agent with it; the machine has its hash',
  },
  {
    name: /^login key, encrypted$/,
    at: /^files here: .*\/\.ssh\/id_ed25519$/,
    why: 'the user’s own file, which spuff does not open',
  },
  {
    name: /^own key, encrypted$/,
    at: /^files here: .*\/home\/keys\/[^/]+$/,
    why: 'made by ssh-keygen, and closed by the passphrase',
  },
  {
    name: /^variable of spuff\.secrets\.yaml$/,
    at: /^files here: .*\/spuff\.secrets\.yaml$/,
    why: 'the user’s own file',
  },
  {
    name: /^token of git$/,
    at: /^files here: .*\/shop\/\.git\/config$/,
    why: 'the user’s own file',
  },
  {
    name: variables,
    at: /^memory file systems of the machine: \/run\/spuff\/(?:setup\/order\.json|env\/session\.sh)$/,
    why: 'they are for the machine’s programs; in memory, of root and the login user',
  },
  {
    name: variables,
    at: /^processes of the machine, to root: \/proc\/\d+\/environ dev$/,
    why: 'programs of the login user have them in their environment',
  },
  {
    name: /^(?:API token|lost API token|token in the shell|Tailscale key|variable of the shell)$/,
    at: /^seen by root, here: \/proc\/\d+\/environ of \S+\/node \S+\/dist\/spuff\.cjs --verbose$/,
    why: 'spuff itself, as the shell has started it; other users do not see it',
  },
  {
    name: /^(?:API token|lost API token|token in the shell|Tailscale key|variable of the shell)$/,
    at: /^seen by root, here: \/proc\/\d+\/environ of script --quiet /,
    why: 'the terminal of this test, which starts spuff',
  },
];

const scene = new CanaryScene();
let search: CanarySearch;
let crashed: number | null;

beforeAll(async () => {
  await scene.open();
  await beginLife(scene);
  await live(scene);
  const session = scene.cloud.home.start(
    ['--verbose', 'exec', 'shop', '--', 'sh', '-c', 'echo in; sleep 600'],
    scene.cloud.env,
  );
  await once(session.stdout as NodeJS.ReadableStream, 'data');
  crashed = await crash(scene);
  await plant(scene);
  await takeSnapshot(scene);
  search = new CanarySearch(scene);
  await Promise.all([search.machine(scene.machines[0] ?? ''), search.snapshot(scene.disks[0] ?? '')]);
  session.kill('SIGTERM');
  await suspectMachine(scene);
  await search.homes();
  await search.onlooker('another user, machine 1');
  await endLife(scene);
  await search.homes();
  search.printed();
  search.requests();
  await search.onlooker('root, here');
  await search.onlooker('another user, here');
}, 300_000);
afterAll(() => scene.close());

const where = ({ place, path }: Finding) => `${place}: ${path}`;
const isRightful = (finding: Finding) =>
  rightful.some(({ name, at }) => name.test(finding.name) && at.test(where(finding)));

it('has used every command that there is, but for those that are excused', () => {
  const used = new Set(scene.printed.map(({ args }) => commandOf(args)));
  expect(commandNames().filter((name) => !used.has(name))).toEqual(Object.keys(excused));
});

it('finds what was planted, in each kind of place and in each form', () => {
  const found = search.findings.filter(({ name }) => name === 'planted').map(where);
  const [place, path] = [
    (one: string) => one.split(': ')[0] ?? '',
    (one: string) => one.split(': ')[1] ?? '',
  ];
  const isFound = (planted: string) =>
    found.some((one) => place(one) === place(planted) && one.includes(path(planted)));
  expect(plantedAt.filter((planted) => !isFound(planted))).toEqual([]);
});

it('finds no secret where it has no right to be', () => {
  const wrong = search.findings.filter((finding) => finding.name !== 'planted' && !isRightful(finding));
  expect(wrong.map((finding) => `${finding.name} in ${where(finding)}`)).toEqual([]);
});

it('finds each secret where it may be, so that nothing is allowed that is not so', () => {
  const unused = rightful.filter(
    ({ name, at }) => !search.findings.some((finding) => name.test(finding.name) && at.test(where(finding))),
  );
  expect(unused).toEqual([]);
});

it('has met a bug, and says how much it has looked at', () => {
  expect(crashed).toBe(70);
  const { commands, amounts } = { commands: scene.printed.length, amounts: search.amounts };
  process.stdout.write(`searched after ${commands} commands:\n${describeAmounts(amounts)}\n`);
  const least = (place: string, what: string) => amounts[place]?.[what];
  expect(least('disk of the machine', 'files')).toBeGreaterThan(5_000);
  expect(least('disk of the snapshot', 'files')).toBeGreaterThan(5_000);
  expect(least('files here', 'files')).toBeGreaterThan(30);
  expect(least('requests to the provider', 'texts')).toBeGreaterThan(50);
  for (const who of ['root, here', 'another user, here', 'another user, machine 1'])
    expect(least(`seen by ${who}`, 'rounds')).toBeGreaterThan(100);
});

function describeAmounts(amounts: Amounts): string {
  return Object.entries(amounts)
    .map(([place, counts]) => {
      const parts = Object.entries(counts).map(([what, number]) => `${number.toLocaleString('en')} ${what}`);
      return `  ${place}: ${parts.join(', ')}`;
    })
    .join('\n');
}
