import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configForMachine, readHistory, withoutCredential } from './read-history.ts';

const { signal } = new AbortController();
let root: string;
const git = (...args: string[]) => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'spuff-history-'));
  git('init', '-q', '-b', 'main');
});

afterEach(() => rmSync(root, { recursive: true }));

const commit = (text: string) =>
  git('-c', 'user.name=t', '-c', 'user.email=t@e', 'commit', '-q', '--allow-empty', '-m', text);

describe('the address of a remote', () => {
  it.each([
    ['https://ann:token@github.com/you/shop.git', 'https://github.com/you/shop.git'],
    ['https://token@github.com/you/shop', 'https://github.com/you/shop'],
    ['https://github.com/you/shop?private_token=x#y', 'https://github.com/you/shop'],
    ['ssh://git:pass@github.com/you/shop', 'ssh://git@github.com/you/shop'],
    ['git@github.com:you/shop.git', 'git@github.com:you/shop.git'],
    ['/home/ann/shop.git', null],
    ['file:///home/ann/shop.git', null],
    ['../shop', null],
    ['ext::sh -c evil', null],
    ['host:path::x', null],
  ])('%s goes as %s', (address, clean) => {
    expect(withoutCredential(address)).toBe(clean);
  });
});

describe('the history of a folder', () => {
  it('is empty where nothing was committed', async () => {
    expect(await readHistory(root, signal)).toMatchObject({ head: null, branch: 'refs/heads/main' });
  });

  it('has branches, tags and what was fetched', async () => {
    commit('one');
    git('tag', 'v1');
    git('update-ref', 'refs/remotes/origin/main', 'HEAD');
    git('symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/main');
    git('checkout', '-q', '--detach');
    const history = await readHistory(root, signal);
    expect(history).toMatchObject({ head: git('rev-parse', 'HEAD'), branch: null });
    expect([...(history?.refs.keys() ?? [])]).toEqual([
      'refs/heads/main',
      'refs/remotes/origin/main',
      'refs/tags/v1',
    ]);
  });

  it('is none of a folder below the repository, nor where objects are missing', async () => {
    mkdirSync(join(root, 'below'));
    expect(await readHistory(join(root, 'below'), signal)).toBeNull();
    git('config', 'extensions.partialClone', 'origin');
    git('config', 'core.repositoryFormatVersion', '1');
    expect(await readHistory(root, signal)).toBeNull();
  });

  it('is none of what git clone --filter made', async () => {
    commit('one');
    git('config', 'uploadpack.allowFilter', 'true');
    const whole = root;
    root = mkdtempSync(join(tmpdir(), 'spuff-history-'));
    git('clone', '-q', '--filter=blob:none', `file://${whole}`, '.');
    rmSync(whole, { recursive: true });
    expect(await readHistory(root, signal)).toBeNull();
    git('config', 'remote.origin.promisor', 'false');
    expect(await readHistory(root, signal)).not.toBeNull();
  });
});

it('takes of the configuration what holds no secret', async () => {
  const token = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz';
  git('config', 'user.name', 'Ann');
  git('config', 'remote.origin.url', `https://${token}@github.com/you/shop`);
  git('config', 'remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*');
  git('config', 'remote.odd.url', `https://host/${token}`);
  git('config', 'branch.main.remote', 'origin');
  git('config', 'branch.other.remote', 'elsewhere');
  git('config', 'http.extraheader', `AUTHORIZATION: ${token}`);
  git('config', 'credential.helper', 'store');
  git('config', 'core.fsmonitor', 'evil');
  const settings = await configForMachine(root, { branch: 'refs/heads/main' }, signal);
  const own = settings.filter(([name]) => name !== 'user.email');
  expect(own).toEqual([
    ['user.name', 'Ann'],
    ['remote.origin.url', 'https://github.com/you/shop'],
    ['remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*'],
    ['branch.main.remote', 'origin'],
  ]);
});
