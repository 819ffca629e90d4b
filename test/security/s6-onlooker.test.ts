/** S6: other users of this computer, who look all the time while a machine lives from `up` to `down`, see no secret. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quoteCommand } from '../../src/lib/shell-quote.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { rootOf } from '../e2e/root-of-instance.ts';
import { makeSpuffHome, type SpuffHome } from '../e2e/spuff-process.ts';
import { formsOf, privateLines, privateLinesOf } from '../machine/search-machine.ts';
import { Onlooker, onlookerProgram } from './onlooker.ts';
import { UserHome } from './user-home.ts';

/** Users by the way to become one. The second has the number that the login user has on a machine of this computer. */
const others: Readonly<Record<string, { uid: number; become: (program: readonly string[]) => string[] }>> = {
  nobody: {
    uid: 65_534,
    become: (program) => ['su', '-s', '/bin/sh', 'nobody', '-c', `exec ${quoteCommand(program)}`],
  },
  'the namesake of the login user': {
    uid: 1_000,
    become: (program) => ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', ...program],
  },
};

let user: UserHome;
let home: SpuffHome;
const apiToken = `dop_v1_${randomBytes(32).toString('hex')}`;
const piped = `piped-${randomBytes(16).toString('hex')}`;
let umask: number;
const onlookers: Onlooker[] = [];

beforeAll(() => {
  user = new UserHome();
  // What spuff leaves open, others are to see: the least careful umask, and homes that anybody may enter.
  umask = process.umask(0);
  home = makeSpuffHome(user.env);
  for (const directory of [user.path, dirname(home.path)]) chmodSync(directory, 0o755);
  for (const name of ['SPUFF_API_TOKEN', 'DIGITALOCEAN_TOKEN', 'HCLOUD_TOKEN']) user.env[name] = apiToken;
});
afterAll(async () => {
  for (const onlooker of onlookers) await onlooker.end({});
  await home.remove();
  user.remove();
  process.umask(umask);
});

/** Until each has looked everywhere so often since now. */
async function looked(times: number): Promise<void> {
  const goals = onlookers.map((one) => one.rounds + times);
  while (onlookers.some((one, at) => one.rounds < (goals[at] ?? 0))) await delay(5);
}

/** Runs a program that gives its input back, and leaves it there for a while with a secret in it. */
async function pipeSecret(args: readonly string[]): Promise<void> {
  const child = home.start([...args, 'cat']);
  child.stderr?.resume();
  child.stdin?.write(`${piped}\n`);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  await looked(20);
  const ended = once(child, 'close');
  child.stdin?.end();
  expect(await ended).toEqual([0, null]);
}

/** One life, with everything that speaks to the machine. Gives the secrets that only this life has had. */
async function liveOnce(): Promise<Record<string, string[]>> {
  await home.ok(['up', 'demo', '--no-connect']);
  await pipeSecret(['exec', 'demo', '--']);
  await pipeSecret(['ssh', 'demo', '--']);
  await pipeSecret(['ssh', 'demo', '--', '-C']);
  const file = join(user.path, 'secret');
  writeFileSync(file, piped, { mode: 0o600 });
  for (let copy = 0; copy < 5; copy++) await home.ok(['cp', file, 'demo:']);
  await home.ok(['status', 'demo', '--detailed']);
  await home.ok(['logs', 'demo']);
  await home.ok(['agent', 'upgrade', 'demo']);

  const store = openStateStore({ path: join(home.path, 'state.db'), readOnly: true });
  const token = store.findInstance('demo')?.agentToken.reveal() ?? '';
  store.close();
  const machine = await rootOf(home, 'demo');
  const userData = await machine.ok(['cat', '/var/lib/cloud/instance/user-data.txt']);
  const { ssh_keys: keys } = JSON.parse(userData.replace(/^#.*\n/, '')) as {
    ssh_keys: { ed25519_private: string };
  };
  await home.ok(['down', 'demo']);
  return {
    'agent token': formsOf(token),
    'one-time host key': privateLinesOf(keys.ed25519_private).flatMap(formsOf),
  };
}

/** What anybody can see, laid out for a while. Gives the text in each place. */
async function plant(): Promise<Record<string, string[]>> {
  const texts: Record<string, string[]> = {};
  const make = (place: string) => {
    const text = `planted-${randomBytes(16).toString('hex')}`;
    texts[place] = [text];
    return text;
  };
  const files = ['/tmp', '/var/tmp', '/run', '/dev/shm'].map((directory) => {
    const path = join(directory, `spuff-planted-${process.pid}`);
    writeFileSync(path, make(`planted in ${directory}`));
    return path;
  });
  const named = join('/tmp', make('planted as a name'));
  writeFileSync(named, '');
  const wait = ['-e', 'setInterval(() => 0, 1e6)'];
  const children = [spawn(process.execPath, [...wait, make('planted as an argument')], { cwd: '/' })];
  for (const [name, { uid }] of Object.entries(others)) {
    const env = { TEXT: make(`planted in an environment of ${name}`) };
    children.push(spawn(process.execPath, wait, { cwd: '/', uid, gid: uid, env }));
  }
  await looked(3);
  for (const child of children) child.kill('SIGKILL');
  for (const path of [...files, named]) rmSync(path);
  return texts;
}

/** The programs that an onlooker has to have seen at work, by a part of their arguments. */
const programs = {
  up: ['spuff.cjs\0up\0demo'],
  exec: ['spuff.cjs\0exec\0demo'],
  ssh: ['spuff.cjs\0ssh\0demo'],
  cp: ['spuff.cjs\0cp\0'],
  down: ['spuff.cjs\0down\0demo'],
  'shared connection': ['ControlMaster=yes'],
};

describe('other users of this computer', () => {
  it('see no secret, however often they look, and would see one', async (context) => {
    if (process.getuid?.() !== 0) context.skip('becoming another user takes root');
    const program = [process.execPath, onlookerProgram];
    onlookers.push(...Object.values(others).map(({ become }) => new Onlooker(become(program))));
    await looked(1);
    const planted = await plant();
    const secrets = {
      ...(await liveOnce()),
      'API token': formsOf(apiToken),
      'standard input': formsOf(piped),
      'login key': privateLines(user.key).flatMap(formsOf),
    };
    for (const forms of Object.values(secrets))
      expect(Math.min(...forms.map((form) => form.length))).toBeGreaterThan(20);

    for (const [at, name] of Object.keys(others).entries()) {
      const report = await onlookers[at]?.end({ ...secrets, ...planted, ...programs });
      const found = report?.found ?? {};
      expect(report?.rounds).toBeGreaterThan(60);
      expect(
        Object.keys(secrets).flatMap((what) => found[what]?.map((where) => `${what} in ${where}`)),
      ).toEqual([]);
      // It did look at the right time and at the right things. Only another's environment is closed to it.
      const unseen = [...Object.keys(planted), ...Object.keys(programs)].filter(
        (what) => !found[what]?.length,
      );
      expect(unseen).toEqual(
        Object.keys(others)
          .filter((other) => other !== name)
          .map((other) => `planted in an environment of ${other}`),
      );
    }
  });
});
