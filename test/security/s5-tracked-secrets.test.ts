import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveProjectEnv } from '../../src/app/project-env.ts';
import { SpuffError } from '../../src/domain/errors.ts';
import { silentProgress } from '../../src/domain/progress.ts';
import { openProjectFiles } from '../../src/state/project-files.ts';
import { openTrustStore } from '../../src/state/trust-files.ts';

// S5: a file of secrets that git tracks is refused, and so is a project's file with what looks like a token in it; neither
// is shown. The repositories are real.

const canary = `canary-${'q7Zk3vR9mX1pL5tN'}`;
const token = `ghp_${'aB3dE6gH9j'.repeat(4)}`.slice(0, 40);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'spuff-s5-'));
  write('spuff.yaml', 'version: "1"\nenv:\n  LOG: debug\n');
  write('spuff.secrets.yaml', `env:\n  API_TOKEN: ${canary}\n`);
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(root, name), text, { mode: 0o600 });
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
    cwd: root,
    stdio: 'pipe',
    env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' },
  });

const resolve = async () => {
  const files = openProjectFiles();
  const project = await files.read(join(root, 'spuff.yaml'));
  const context = {
    projectFiles: async () => files,
    trust: async () => openTrustStore({ trusted: join(root, 'trusted') }),
    signal: new AbortController().signal,
    progress: silentProgress,
  };
  return resolveProjectEnv(context, project, process.env);
};
const refusal = async () => {
  const error = await resolve().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SpuffError)) expect.fail(`was not refused: ${String(error)}`);
  expect(`${inspect(error, { depth: 9 })}${error.hints.join()}`).not.toMatch(/canary|aB3dE6gH9j/);
  return error;
};

describe('the file of secrets', () => {
  it('is used where there is no repository', async () => {
    expect((await resolve()).get('API_TOKEN')?.reveal()).toBe(canary);
  });

  it('is used where git ignores it, or does not know it', async () => {
    git('init', '-q');
    expect((await resolve()).get('API_TOKEN')?.reveal()).toBe(canary);
    write('.gitignore', 'spuff.secrets.yaml\n');
    git('add', '.');
    git('commit', '-qm', 'all');
    expect((await resolve()).get('API_TOKEN')?.reveal()).toBe(canary);
  });

  it('is refused as soon as it is added', async () => {
    git('init', '-q');
    git('add', '-f', 'spuff.secrets.yaml');
    const { code, message, hints } = await refusal();
    expect({ code, message }).toEqual({
      code: 'config',
      message: `${join(root, 'spuff.secrets.yaml')} is tracked by git: everybody who gets the repository gets it too`,
    });
    expect(hints[0]).toContain('git rm --cached spuff.secrets.yaml');
    git('rm', '-q', '--cached', 'spuff.secrets.yaml');
    expect((await resolve()).size).toBe(2);
  });

  it('is refused once it is committed, also where it is ignored by now or has changed since', async () => {
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'all');
    write('.gitignore', 'spuff.secrets.yaml\n');
    write('spuff.secrets.yaml', `env:\n  OTHER: ${canary}\n`);
    expect((await refusal()).message).toContain('is tracked by git');
  });

  it('is refused in a folder below the top, and under its other name', async () => {
    git('init', '-q');
    const top = root;
    root = join(top, 'apps', '[shop] *');
    mkdirSync(root, { recursive: true });
    write('spuff.yaml', '');
    write('spuff.secrets.yml', `env:\n  API_TOKEN: ${canary}\n`);
    expect((await resolve()).get('API_TOKEN')?.reveal()).toBe(canary);
    git('add', '.');
    expect((await refusal()).message).toContain('spuff.secrets.yml is tracked by git');
    root = top;
  });

  it('is refused where git can not say', async () => {
    git('init', '-q');
    writeFileSync(join(root, '.git', 'index'), 'no index');
    expect((await refusal()).message).toContain('git does not say whether it tracks');
  });

  it('runs no program that the repository names', async () => {
    git('init', '-q');
    write('evil.sh', `#!/bin/sh\ntouch ${join(root, 'ran')}\n`);
    chmodSync(join(root, 'evil.sh'), 0o755);
    git('config', 'core.fsmonitor', join(root, 'evil.sh'));
    await resolve();
    expect(() => statSync(join(root, 'ran'))).toThrow('ENOENT');
  });

  it('is closed to others, and refused when it is a link', async () => {
    chmodSync(join(root, 'spuff.secrets.yaml'), 0o664);
    await resolve();
    expect(statSync(join(root, 'spuff.secrets.yaml')).mode & 0o777).toBe(0o600);
    rmSync(join(root, 'spuff.secrets.yaml'));
    write('elsewhere', `env:\n  API_TOKEN: ${canary}\n`);
    symlinkSync(join(root, 'elsewhere'), join(root, 'spuff.secrets.yaml'));
    expect((await refusal()).code).toBe('permission');
  });
});

describe("the project's file", () => {
  it.each([
    ['a token', `env:\n  TOKEN: ${token}\n`, ':2:10: this looks like a GitHub token'],
    ['a token in a comment', `# ${token}\n`, ':1:3: this looks like a GitHub token'],
    [
      'a token for a command',
      `setup:\n  - curl -H "Authorization: ${token}"\n`,
      ':2:29: this looks like a GitHub',
    ],
    ['a password', `env:\n  DB_PASSWORD: ${canary}\n`, ':2:16: this looks like a credential'],
  ])('is refused with %s', async (_name, text, message) => {
    write('spuff.yaml', text);
    const error = await refusal();
    expect(error.message).toContain(message);
    expect(error.hints.join()).toContain('spuff.secrets.yaml');
  });
});
