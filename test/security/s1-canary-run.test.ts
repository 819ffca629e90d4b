/** S1, and V5, W4, S2 to S5 with it: every command once, a different secret in each place, and then a search of everything. */
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commandNames } from '../../src/cli/registry.ts';
import { beginLife, commandOf, endLife, excused, live, takeSnapshot } from './canary-life.ts';
import { crash, plant, plantedAt } from './canary-plants.ts';
import { CanaryScene } from './canary-scene.ts';
import { CanarySearch, type Finding } from './canary-search.ts';

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
    name: variables,
    at: /^memory file systems of the machine: \/run\/spuff\/(?:setup\/order\.json|env\/session\.sh)$/,
    why: 'they are for the machine’s programs; in memory, of root and the login user',
  },
  {
    name: variables,
    at: /^processes of the machine, to root: \/proc\/\d+\/environ dev$/,
    why: 'programs of the login user have them in their environment',
  },
];

const scene = new CanaryScene();
let search: CanarySearch;
let crashed: number | null;

beforeAll(async () => {
  await scene.open();
  console.log('T', Math.round(performance.now() / 100) / 10);
  await beginLife(scene);
  console.log('T', Math.round(performance.now() / 100) / 10);
  await live(scene);
  console.log('T', Math.round(performance.now() / 100) / 10);
  const session = scene.cloud.home.start(
    ['exec', 'shop', '--', 'sh', '-c', 'echo in; sleep 600'],
    scene.cloud.env,
  );
  await once(session.stdout as NodeJS.ReadableStream, 'data');
  crashed = await crash(scene);
  console.log('T', Math.round(performance.now() / 100) / 10);
  await plant(scene);
  console.log('T', Math.round(performance.now() / 100) / 10);
  await takeSnapshot(scene);
  console.log('T', Math.round(performance.now() / 100) / 10);
  search = new CanarySearch(scene);
  await Promise.all([search.machine(scene.machines[0] ?? ''), search.snapshot(scene.disks[0] ?? '')]);
  console.log('T', Math.round(performance.now() / 100) / 10);
  session.kill('SIGTERM');
  await search.homes();
  console.log('T', Math.round(performance.now() / 100) / 10);
  await search.onlooker('machine 1');
  console.log('T', Math.round(performance.now() / 100) / 10);
  await endLife(scene);
  console.log('T', Math.round(performance.now() / 100) / 10);
  search.printed();
  console.log('T', Math.round(performance.now() / 100) / 10);
  search.requests();
  console.log('T', Math.round(performance.now() / 100) / 10);
  await search.onlooker('here');
  console.log('T', Math.round(performance.now() / 100) / 10);
}, 180_000);
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

it('has met a bug, and has looked at enough', () => {
  expect(crashed).toBe(70);
  console.log(
    JSON.stringify(search.amounts, null, 1),
    [...scene.canaries].map(([n, p]) => `${n} ${p.length}`),
    scene.printed.length,
  );
});
