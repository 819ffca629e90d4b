import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SpuffError } from '../domain/errors.ts';
import { placeOf } from '../domain/project.ts';
import { openProjectFiles } from './project-files.ts';
import { projectRules } from './project-rules.ts';

const files = openProjectFiles();
let root: string;
let path: string;
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'spuff-project-')), 'My App');
  mkdirSync(root);
  path = join(root, 'spuff.yaml');
});
afterEach(() => rmSync(join(root, '..'), { recursive: true }));

const read = (text: string) => {
  writeFileSync(path, text);
  return files.read(path);
};
const check = async (text: string) => {
  writeFileSync(path, text);
  return (await files.check(path)).map(({ line, column, message, hint }) => [
    `${line}:${column} ${message}`,
    hint,
  ]);
};

const whole = `version: "1"
name: shop
resources:
  size: 4cpu-8gb
  region: [nbg1, fsn1]
  provider: hetzner
  image: debian-12
bundles: [rust, node@24]
packages: [ripgrep, libssl-dev, postgresql-client=15+248]
services:
  compose_file: deploy/compose.yaml
  profiles: [debug]
repositories:
  - owner/repo
  - url: git@git.example.com:team/tools.git
    path: src/tools
    branch: release/2.x
env:
  LOG: debug
  PORT: 3000
  DEBUG: true
  DATABASE_URL: postgres://app:\${DB_PASSWORD}@localhost/app
  PRICE: 5 $$
  TOKEN: { from: "op read op://dev/api/token" }
setup:
  - npm ci
  - |
    set -e
    npm run build
ports: [3000, "8080:80", "9000"]
hooks:
  post_up: npm run seed
  pre_down: [npm run dump, sync]
ai_tools: [claude-code, codex]
dotfiles: { url: owner/dotfiles, branch: main }
volumes:
  - { source: data, target: /srv/data, mount_point: mnt/data }
  - target: out
idle_timeout: 45m
max_lifetime: off
guard: { forges: [github.com] }
firewall: 198.51.100.0/24, 2001:db8::/32
rescue: true
tailscale: { tags: [tag:dev], close_public_ssh: true }
on_idle: snapshot
sync: git
prebuild: auto
devcontainer: false
keep_env: true
`;

describe("a project's file", () => {
  it('is read whole', async () => {
    const project = await read(whole);
    expect(project).toMatchObject({
      path,
      root,
      name: 'shop',
      resources: { provider: 'hetzner', regions: ['nbg1', 'fsn1'], size: '4cpu-8gb', image: 'debian-12' },
      bundles: [
        { name: 'rust', version: null },
        { name: 'node', version: '24' },
      ],
      packages: ['ripgrep', 'libssl-dev', 'postgresql-client=15+248'],
      services: { enabled: true, composeFile: 'deploy/compose.yaml', profiles: ['debug'] },
      repositories: [
        { url: 'git@github.com:owner/repo.git', path: null, branch: null },
        { url: 'git@git.example.com:team/tools.git', path: 'src/tools', branch: 'release/2.x' },
      ],
      env: {
        LOG: { kind: 'text', text: 'debug' },
        PORT: { kind: 'text', text: '3000' },
        DEBUG: { kind: 'text', text: 'true' },
        TOKEN: { kind: 'command', command: 'op read op://dev/api/token' },
      },
      setup: ['npm ci', 'set -e\nnpm run build\n'],
      ports: [
        { local: 3000, remote: 3000 },
        { local: 8080, remote: 80 },
        { local: 9000, remote: 9000 },
      ],
      hooks: { postUp: ['npm run seed'], preDown: ['npm run dump', 'sync'] },
      aiTools: ['claude-code', 'codex'],
      dotfiles: { url: 'git@github.com:owner/dotfiles.git', path: null, branch: 'main' },
      volumes: [
        { source: 'data', target: '/srv/data', mountPoint: 'mnt/data' },
        { source: null, target: 'out', mountPoint: null },
      ],
      tailscale: { enabled: true, tags: ['tag:dev'], closePublicSsh: true },
      ...{ idleTimeoutMs: 2_700_000, maxLifetimeMs: null, rescue: true, onIdle: 'snapshot' },
      ...{ firewall: ['198.51.100.0/24', '2001:db8::/32'], sync: 'git', prebuild: 'auto' },
      ...{ devcontainer: false, keepEnv: true },
    });
    expect(placeOf(project, 'resources.size')).toBe(`${path}:4:9`);
    expect(placeOf(project, 'ports[1]')).toBe(`${path}:30:15`);
    expect(placeOf(project, 'env.LOG')).toBe(`${path}:19:8`);
    // Whoever adds a setting adds it to this file too.
    expect(Object.keys(projectRules).filter((key) => !project.places.has(key))).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['comments', '# later\n---\n'],
    ['lines without a value', 'version:\nbundles:\nenv: ~\nresources: null\nidle_timeout:\n'],
  ])('asks for nothing with %s', async (_name, text) => {
    const project = await read(text);
    expect(project).toMatchObject({ name: 'my-app', bundles: [], env: {}, services: null, sync: 'rsync' });
    expect(project).toMatchObject({
      resources: { size: undefined },
      idleTimeoutMs: undefined,
      aiTools: 'none',
    });
  });

  it('names the compose file that is there', async () => {
    const text = 'services: {}\n';
    expect((await read(text)).services?.composeFile).toBe('compose.yaml');
    expect(await check(text)).toEqual([
      ['1:11 services: there is no compose.yaml beside this file', 'name it: compose_file'],
    ]);
    writeFileSync(join(root, 'docker-compose.yml'), '');
    expect((await read(text)).services?.composeFile).toBe('docker-compose.yml');
    expect(await check(text)).toEqual([]);
    expect(await check('services: { enabled: false, compose_file: a.yaml }\n')).toEqual([]);
  });
});

describe('a file that means harm', () => {
  it.each([
    ['is deep', '['.repeat(60_000)],
    ['is deep in maps', Array.from({ length: 400 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
    ['has many keys', Array.from({ length: 15_000 }, (_, at) => `k${at}:`).join('\n')],
    ['has many wrong items', `bundles: [${'zz,'.repeat(40_000)}]`],
    [
      'grows by aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghij'].map((name, at) => `${name}: &${name} [${`*${'abcdefghij'[at]},`.repeat(9)}]`).join('\n')}\nsetup: *j\n`,
    ],
    ['refers to itself', 'env: &a {A: *a}\nsetup: &b [*b]\n'],
  ])('%s, and is refused', async (_name, text) => {
    writeFileSync(path, text);
    await expect(files.read(path)).rejects.toBeInstanceOf(SpuffError);
  });

  it('is a pipe, a folder, or a book', async () => {
    execFileSync('mkfifo', [path]);
    await expect(files.read(path)).rejects.toThrow(/is not a file/);
    rmSync(path);
    mkdirSync(path);
    await expect(files.read(path)).rejects.toThrow(/is not a file/);
    rmSync(path, { recursive: true });
    await expect(read('# '.repeat(140_000))).rejects.toThrow(/is too large/);
  });

  it('never ends otherwise than with a project or a clear error', async () => {
    const words = [...Object.keys(projectRules), 'url', 'from', 'target', 'size', 'region', '__proto__'];
    const signs = [
      '- ',
      ': ',
      ':\n',
      '\n',
      '  ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '&a ',
      '*a',
      '!!map ',
      '!x ',
      '? ',
      '<<',
      '"',
      "'",
      '|\n',
      '#',
      '$',
      '${A}',
      '@',
    ];
    const values = [
      'node@24',
      '3000',
      '8080:80',
      'true',
      'null',
      'off',
      '1e9',
      '0x1f',
      '2026-01-01',
      'owner/repo',
    ];
    const parts = fc.array(fc.constantFrom(...words, ...signs, ...values), { maxLength: 20 });
    const texts = fc.oneof(
      parts.map((all) => all.join('')),
      fc.string({ unit: 'binary', maxLength: 60 }),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        writeFileSync(path, text);
        await files.read(path).catch((error: unknown) => expect(error).toBeInstanceOf(SpuffError));
        expect(Array.isArray(await files.check(path).catch((error: unknown) => [error]))).toBe(true);
        expect(({} as Record<string, unknown>)['size']).toBe(undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('never ends otherwise, whatever the values are', async () => {
    const keys = fc.constantFrom(...Object.keys(projectRules), '__proto__', 'constructor');
    const anything = fc.dictionary(keys, fc.anything({ withNullPrototype: true }), { maxKeys: 6 });
    await fc.assert(
      fc.asyncProperty(anything, async (value) => {
        const json =
          JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? String(one) : one)) ?? '';
        writeFileSync(path, json);
        await files.read(path).catch((error: unknown) => expect(error).toBeInstanceOf(SpuffError));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the file of secrets', () => {
  const put = (text: string) => writeFileSync(join(root, 'spuff.secrets.yaml'), text, { mode: 0o644 });

  it('holds variables, tokens among them, and is made private', async () => {
    expect(await files.readSecrets(root)).toBe(null);
    put('env:\n  A: ghp_abcdefghijklmnopqrstuvwxyz0123456789AB\n  B: { from: pass show b }\n');
    chmodSync(join(root, 'spuff.secrets.yaml'), 0o644);
    const secrets = await files.readSecrets(root);
    expect(secrets?.env['B']).toEqual({ kind: 'command', command: 'pass show b' });
    expect(secrets?.places.get('env.A')).toEqual({ line: 2, column: 6 });
    expect(statSync(join(root, 'spuff.secrets.yaml')).mode & 0o777).toBe(0o600);
  });

  it.each([
    [
      'another setting',
      'setup: [a]\n',
      /secrets\.yaml:1:1: there is no setting of a file of secrets "setup"/,
    ],
    ['a wrong value', 'env: {A: "hunter2$"}\n', /:1:10: env\.A: this is not a text/],
    ['no YAML', 'env: [hunter2\n', /secrets\.yaml:\d:\d: /],
    ['a list', '- hunter2\n', /:1:1: expected env/],
  ])('is refused with %s, which is not printed', async (_name, text, message) => {
    put(text);
    const error = await files.readSecrets(root).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'config', message: expect.stringMatching(message) });
    expect(JSON.stringify(error)).not.toContain('hunter2');
  });

  it('is refused when it is a link', async () => {
    writeFileSync(join(root, 'elsewhere'), 'env: {}\n');
    symlinkSync(join(root, 'elsewhere'), join(root, 'spuff.secrets.yaml'));
    await expect(files.readSecrets(root)).rejects.toMatchObject({ code: 'permission' });
  });
});
