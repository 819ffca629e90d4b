import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryConfig } from '../../../test/fakes/memory-config.ts';
import { openProjectFiles } from '../../state/project-files.ts';
import { jsonShapes } from '../json-shapes.ts';

const files = openProjectFiles();
let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'spuff-cli-')), 'shop');
  mkdirSync(directory);
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true }));

const put = (name: string, text = '') => writeFileSync(join(directory, name), text, { mode: 0o600 });
const read = (name: string) => readFileSync(join(directory, name), 'utf8');
const run = (...argv: string[]) => runLine(argv, { directory });

describe('spuff trust', () => {
  const wants = 'env: { A: { from: "pass show a" }, B: { from: "pass show b" } }\n';
  const inProject = async (): Promise<FakeRun> => {
    const home = join(directory, '..', 'home');
    mkdirSync(home, { mode: 0o700, recursive: true });
    return { directory, home, project: await files.read(join(directory, 'spuff.yaml')) };
  };

  it('shows what would run here, lets it, and takes it back', async () => {
    put('spuff.yaml', wants);
    const shown = await runLine(['trust', '--show'], await inProject());
    expect(shown.out).toBe(
      `not trusted:\n  run: pass show a   (env.A, ${directory}/spuff.yaml:1:11)\n  run: pass show b   (env.B, ${directory}/spuff.yaml:1:39)\n`,
    );
    expect((await runLine(['trust'], await inProject())).out).toMatch(/^trusted:\n {2}run: pass show a/);
    const { out } = await runLine(['trust', '--show', '--json'], await inProject());
    const printed: unknown = JSON.parse(out);
    expect(jsonShapes.trust.schema.safeParse(printed).error).toBeUndefined();
    expect(printed).toMatchObject({ wishes: [{ trusted: true }, { trusted: true }] });
    expect((await runLine(['trust', '--revoke'], await inProject())).out).toMatch(/^not trusted:/);
  });

  it('is not for a folder without a project', async () => {
    const { status, err } = await run('trust');
    expect(status).not.toBe(0);
    expect(err).toContain('belongs to no project');
  });

  it.each([true, false])('is asked about by up: %s', async (answer) => {
    put('spuff.yaml', wants);
    const asked: string[] = [];
    const confirm = async (message: string) => {
      asked.push(message);
      return answer;
    };
    const given = { ...(await inProject()), terminals: { err: true, input: true }, questions: { confirm } };
    const { err } = await runLine(['up', 'demo', '--no-connect'], given);
    expect(asked).toHaveLength(1);
    expect(err).toContain('pass show a');
    if (answer) expect(err).not.toContain('this project wants of you');
    else expect(err).toContain('this project wants of you');
    const { out } = await runLine(['trust', '--show'], await inProject());
    expect(out).toMatch(answer ? /^trusted:/ : /^not trusted:/);
  });
});

describe('spuff validate', () => {
  it('is content with what is right', async () => {
    put('spuff.yaml', 'version: "1"\nbundles: [node]\n');
    put('spuff.secrets.yaml', 'env: { A: b }\n');
    expect(await run('validate')).toMatchObject({
      status: 0,
      out: '',
      err: `${directory}/spuff.yaml is right\n`,
    });
  });

  it('names all that is wrong in both files, with places', async () => {
    put('spuff.yaml', 'bundels: [node]\nguard: { rate: 0 }\n');
    put('spuff.secrets.yaml', 'setup: [a]\n');
    const { status, out, err } = await run('validate');
    expect(status).toBe(3);
    expect(out.trimEnd().split('\n')).toEqual([
      `${directory}/spuff.yaml:1:1: there is no setting of a project "bundels" (did you mean bundles?)`,
      `${directory}/spuff.yaml:2:16: rate: "0" is not a whole number of signatures a minute, from 1 to 600`,
      `${directory}/spuff.secrets.yaml:1:1: there is no setting of a file of secrets "setup" (there are: env)`,
    ]);
    expect(err).toMatch(/^error: 3 things are wrong with .*spuff\.yaml/);
  });

  it('says the same to programs', async () => {
    put('spuff.yaml', 'sync: rsnyc\n');
    const { status, out, err } = await run('validate', 'spuff.yaml', '--json');
    const printed: unknown = JSON.parse(out);
    expect(jsonShapes.validation.schema.parse(printed)).toEqual(printed);
    expect(printed).toMatchObject({
      valid: false,
      secretsPath: null,
      problems: [{ line: 1, column: 7, message: /rsnyc/, hint: 'did you mean rsync?' }].map((one) => ({
        ...one,
        message: expect.stringMatching(one.message),
      })),
    });
    expect(status).toBe(3);
    expect(JSON.parse(err.trimEnd())).toMatchObject({ error: { code: 'config' } });
  });

  it('finds secrets that git tracks', async () => {
    put('spuff.yaml');
    put('spuff.secrets.yaml', 'env: { A: canary }\n');
    execFileSync('git', ['init', '-q'], { cwd: directory });
    execFileSync('git', ['add', '.'], { cwd: directory });
    const { status, out } = await run('validate');
    expect(status).toBe(3);
    expect(out).toMatch(/spuff\.secrets\.yaml:1:1: is tracked by git: .*\(take it out: git rm --cached/);
    expect(out).not.toContain('canary');
  });

  it('says what to do where there is none, or where it is the wrong one', async () => {
    expect(await run('validate')).toMatchObject({
      status: 4,
      err: expect.stringContaining('spuff init --project'),
    });
    put('spuff.secrets.yaml');
    expect(await run('validate', 'spuff.secrets.yaml')).toMatchObject({ status: 2 });
    expect((await run('validate', 'none.yaml')).status).toBe(6);
  });
});

describe('spuff schema', () => {
  it('prints what is put beside a new file', async () => {
    const { status, out } = await run('schema');
    expect(status).toBe(0);
    await run('init', '--project');
    expect(read('spuff.schema.json')).toBe(out);
    expect(JSON.parse(out)).toMatchObject({ title: 'spuff.yaml', type: 'object' });
  });
});

describe('spuff init --project', () => {
  it.each([
    [[], [], null],
    [['package.json'], ['node'], null],
    [['Cargo.toml', 'pyproject.toml', 'docker-compose.yml'], ['rust', 'python'], 'docker-compose.yml'],
    [['go.mod', 'requirements.txt', 'mix.exs', 'compose.yaml'], ['go', 'python', 'elixir'], 'compose.yaml'],
    [['build.gradle.kts', 'build.zig', 'CMakeLists.txt', 'Gemfile'], ['java', 'zig', 'cpp', 'ruby'], null],
  ])('begins a file for %j', async (names, bundles, composeFile) => {
    for (const name of names) put(name);
    const { status, out, err } = await run('init', '--project');
    expect({ status, out }).toEqual({ status: 0, out: `made ${directory}/spuff.yaml\n` });
    for (const bundle of bundles) expect(err).toContain(bundle);
    const text = read('spuff.yaml');
    const [, schema = ''] = /^# yaml-language-server: \$schema=\.\/(\S+)\n/.exec(text) ?? [];
    expect(existsSync(join(directory, schema))).toBe(true);
    const project = await files.read(join(directory, 'spuff.yaml'));
    expect(project.name).toBe('shop');
    expect(project.bundles.map(({ name }) => name)).toEqual(bundles);
    expect(project.services?.composeFile ?? null).toBe(composeFile);
    // Each comment that is a setting will do as one.
    put('spuff.yaml', text.replaceAll(/^#(?! )/gm, ''));
    expect((await files.read(join(directory, 'spuff.yaml'))).ports).toHaveLength(2);
  });

  it('leaves a file alone that is there', async () => {
    put('spuff.yml', 'name: mine\n');
    expect(await run('init', '--project')).toMatchObject({ status: 5 });
    expect(read('spuff.yml')).toBe('name: mine\n');
    expect(existsSync(join(directory, 'spuff.yaml'))).toBe(false);
  });

  it('adds one line to .gitignore, once', async () => {
    put('.gitignore', 'dist');
    await run('init', '--project');
    expect(read('.gitignore')).toBe('dist\nspuff.secrets.yaml\n');
    rmSync(join(directory, 'spuff.yaml'));
    expect((await run('init', '--project')).err).not.toContain('git ignores');
    expect(read('.gitignore')).toBe('dist\nspuff.secrets.yaml\n');
  });
});

describe('spuff config explain', () => {
  const explain = async (
    text: string,
    argv: string[],
    more: FakeRun & { config?: Record<string, string> } = {},
  ) => {
    put('spuff.yaml', text);
    const project = await files.read(join(directory, 'spuff.yaml'));
    const defaults = { region: 'here', size: 'small', image: { kind: 'slug' as const, slug: 'debian-12' } };
    return runLine(['config', 'explain', ...argv], {
      ...{ directory, project, provider: { defaults } },
      services: { openConfig: async () => new MemoryConfig(more.config) },
      ...more,
    });
  };

  it('says what each layer says, and which counts', async () => {
    const { out } = await explain('name: a\nresources:\n  size: 4cpu-8gb\n', ['size'], {
      config: { size: 'large' },
    });
    expect(out.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['size: 4cpu-8gb'],
      ['LAYER', 'VALUE', 'FROM'],
      ['option', '-', 'spuff up --size'],
      ['*', 'the project', '4cpu-8gb', 'spuff.yaml:3:9'],
      ['your settings', 'large', '/home/someone/.spuff/config.yaml:1:7'],
      ['the default', '-'],
      ['the provider', 'small'],
      [''],
    ]);
  });

  it('leaves out what is for another provider', async () => {
    const text = 'resources: { provider: other, size: 4cpu-8gb }\n';
    const { out } = await explain(text, ['size', '--provider', 'fake', '--json']);
    const printed = JSON.parse(out) as { layers: unknown[] };
    expect(jsonShapes['config-explanation'].schema.parse(printed)).toEqual(printed);
    expect(printed).toMatchObject({ value: 'small', from: 'provider', option: '--size', provider: 'fake' });
    expect(printed.layers[0]).toMatchObject({ value: '4cpu-8gb', unless: 'it is for other' });
  });

  it('writes lengths of time as the files do, and knows settings that no project has', async () => {
    const { out } = await explain('idle_timeout: 90m\n', ['idle_timeout', '--json']);
    expect(JSON.parse(out)).toMatchObject({ value: '1h30m', from: 'project' });
    const user = await explain('', ['user', '--json'], { config: { user: 'alice' } });
    expect(JSON.parse(user.out)).toMatchObject({ value: 'alice', from: 'user', option: null });
    expect((await explain('', ['szie'])).err).toContain('did you mean size?');
  });
});
