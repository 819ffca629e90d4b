/**
 * Bundles and AI tools on a real machine. What comes from Debian and the npm registry is installed for real; for the
 * makers' hosts a server on the machine stands in.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planBundles } from '../../src/bootstrap/plan-bundles.ts';
import { jsonShapes } from '../../src/cli/json-shapes.ts';
import type { BundleArchive, BundlePlan } from '../../src/domain/bundle-plan.ts';
import { type BundleStep, planBundleSteps, updateAptStep } from '../../src/domain/bundle-steps.ts';
import { type ProcessResult, runProcess } from '../../src/lib/process.ts';
import { type ArchiveMirror, startArchiveMirror } from '../machine/archive-mirror.ts';
import { makeNodeArchive } from '../machine/node-archive.ts';
import { formsOf, searchMachine } from '../machine/search-machine.ts';
import { trustLocalAuthorities } from '../machine/trust-local-authorities.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

const arch = process.arch === 'arm64' ? 'arm64' : 'x86_64';
const canary = `sk-ant-${randomBytes(24).toString('hex')}`;
const hosts = [
  ...['go.dev', 'ziglang.org', 'builds.zigtools.org', 'static.rust-lang.org', 'nodejs.org', 'github.com'],
  ...['services.gradle.org', 'archive.apache.org', 'download.eclipse.org', 'repo1.maven.org'],
];

let home: SpuffHome;
let container: string;
let mirror: ArchiveMirror;

beforeAll(async () => {
  home = makeSpuffHome({ ANTHROPIC_API_KEY: canary });
  await home.ok(['init', '--yes']);
  await home.ok(['up', 'demo', '--no-connect', '--ttl', '1h', '--size', 'host']);
  const { instances } = JSON.parse((await home.ok(['ls', '--json'])).stdout) as {
    instances: { key: string }[];
  };
  container = `spuff-${instances[0]?.key}`;
  mirror = await startArchiveMirror(root, hosts);
  expect((await runStep(updateAptStep)).exitCode).toBe(0);
});
afterAll(() => home.remove());

function onMachine(
  user: string,
  argv: readonly string[],
  options: { stdin?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<ProcessResult> {
  const env = Object.entries(options.env ?? {}).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  return runProcess(
    [
      'docker',
      'exec',
      '-i',
      '--user',
      user,
      '--workdir',
      user === 'root' ? '/root' : `/home/${user}`,
      ...env,
      container,
      ...argv,
    ],
    { stdin: options.stdin ?? '', timeoutMs: 170_000 },
  );
}

async function root(argv: readonly string[], stdin = ''): Promise<string> {
  const result = await onMachine('root', argv, { stdin });
  if (result.exitCode === 0) return result.stdout;
  throw new Error(`${argv.join(' ')}: ${result.exitCode}\n${result.stdout}${result.stderr}`);
}

function runStep({ argv, asUser, env }: BundleStep): Promise<ProcessResult> {
  return onMachine(asUser ? 'dev' : 'root', argv, { env });
}

/** Runs a whole plan as a machine does: what is required has to work, and so has each required tool. */
async function install(plan: BundlePlan): Promise<{ missing: string[] }> {
  for (const step of planBundleSteps(plan)) {
    const result = await runStep(step);
    if (result.exitCode !== 0 && step.required)
      throw new Error(`${step.title}: ${result.exitCode}\n${result.stdout}${result.stderr}`);
  }
  const missing: string[] = [];
  for (const { tool, argv, required } of plan.checks) {
    const result = await onMachine('dev', argv);
    if (result.exitCode === 0) continue;
    if (required) throw new Error(`${tool}: ${argv.join(' ')}\n${result.stdout}${result.stderr}`);
    missing.push(tool);
  }
  return { missing };
}

function planOf(name: string, version: string | null = null): BundlePlan {
  const [plan] = planBundles([{ name, version }], { arch });
  if (plan === undefined) throw new TypeError(`there is no plan for ${name}`);
  return plan;
}

/** The step of one archive alone. */
function fetchStep(archive: BundleArchive): BundleStep {
  const steps = planBundleSteps({ ...planOf('cpp'), aptPackages: [], archives: [archive] });
  const step = steps.find(({ argv }) => argv.includes('install-archive'));
  if (step === undefined) throw new TypeError('an archive has a step');
  return step;
}

async function exists(path: string): Promise<boolean> {
  return (await onMachine('root', ['test', '-e', path])).exitCode === 0;
}

describe("a maker's archive", () => {
  const [go] = planOf('go').archives as [BundleArchive];
  let right: BundleArchive;
  beforeAll(async () => {
    [right] = (await mirror.standIn([go], 'go1')) as [BundleArchive];
  });

  it('is not fetched from a server whose certificate nobody vouches for', async () => {
    const result = await runStep(fetchStep(right));
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toContain('certificate');
    expect(await exists(go.target)).toBe(false);
    await mirror.trust();
  });

  it('is refused when it is not the one that was pinned: nothing is unpacked, linked or left', async () => {
    const result = await runStep(fetchStep(go));
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toContain(`${go.url} has the SHA-256 ${right.sha256}, not ${go.sha256}`);
    expect(await exists(go.target)).toBe(false);
    expect(await exists('/usr/local/bin/go')).toBe(false);
    expect(await root(['ls', '/usr/local'])).not.toMatch(/go/);
    expect((await mirror.requests()).filter((line) => line === go.url.slice('https://'.length))).toHaveLength(
      1,
    );
  });

  it('is not followed to a server without TLS', async () => {
    const result = await runStep(fetchStep({ ...right, url: 'https://go.dev/to-http' }));
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toMatch(/Protocol .*http.* (not supported|disabled)/i);
    expect(await exists(go.target)).toBe(false);
  });

  it('is unpacked and linked when it is the one that was pinned', async () => {
    expect(await runStep(fetchStep(right))).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await onMachine('dev', ['go', 'version'])).stdout).toBe('go1\n');
    expect((await root(['stat', '-c', '%U %a', '/usr/local/go', '/usr/local/go/bin/go'])).trim()).toBe(
      'root 755\nroot 755',
    );
  });

  it('is not fetched again, and its links are made again', async () => {
    await root(['rm', '/usr/local/bin/go']);
    const before = await mirror.requests();
    expect(await runStep(fetchStep(right))).toMatchObject({ exitCode: 0 });
    expect(await mirror.requests()).toEqual(before);
    expect((await onMachine('dev', ['go', 'version'])).stdout).toBe('go1\n');
  });

  it('takes the place of the version before it, whole', async () => {
    await root(['touch', '/usr/local/go/of-the-old']);
    const [next] = (await mirror.standIn([go], 'go2')) as [BundleArchive];
    expect(await runStep(fetchStep(next))).toMatchObject({ exitCode: 0 });
    expect((await onMachine('dev', ['go', 'version'])).stdout).toBe('go2\n');
    expect(await exists('/usr/local/go/of-the-old')).toBe(false);
  });

  it('keeps the old version when the new one does not come', async () => {
    const url = `${go.url}.gone`;
    expect((await runStep(fetchStep({ ...go, url }))).exitCode).not.toBe(0);
    expect((await onMachine('dev', ['go', 'version'])).stdout).toBe('go2\n');
  });

  it.each(['go', 'zig', 'rust', 'java', 'elixir'])('of %s is taken in its own form', async (name) => {
    const plan = planOf(name);
    const archives = await mirror.standIn(plan.archives, `stand-in-${name}`);
    const steps = planBundleSteps({ ...plan, aptPackages: [], commands: [], archives });
    for (const step of steps) expect(await runStep(step), step.title).toMatchObject({ exitCode: 0 });
    const names = archives.flatMap(({ links }) => Object.keys(links));
    for (const program of names) {
      expect((await onMachine('dev', [program, '--version'])).stdout, program).toBe(`stand-in-${name}\n`);
      await root(['rm', `/usr/local/bin/${program}`]);
    }
  });
});

describe('from Debian', () => {
  it.each([
    ['python', ['uv', 'ruff']],
    ['cpp', []],
    ['ruby', ['ruby-lsp', 'rdbg']],
  ] as const)('%s is installed, and each required tool answers', async (name, unreachable) => {
    // What can't be reached from here is optional, and only that is missing.
    const { missing } = await install(planOf(name));
    expect(unreachable).toEqual(expect.arrayContaining(missing));
  });

  it('a package that there is none of costs no other when it is optional, and the bundle when it is not', async () => {
    const plan = { ...planOf('cpp'), aptPackages: ['make'], checks: [] };
    await install({ ...plan, optionalAptPackages: ['no-such-package', 'bc'] });
    expect(await exists('/usr/bin/bc')).toBe(true);
    await expect(install({ ...plan, aptPackages: ['no-such-package'] })).rejects.toThrow('no-such-package');
  });
});

describe('from the npm registry', () => {
  it('Node with its tools is installed, and each required tool answers', async () => {
    await trustLocalAuthorities(root);
    const plan = planOf('node');
    const [archive] = plan.archives as [BundleArchive];
    const made = makeNodeArchive();
    try {
      await root(['mkdir', '-p', mirror.pathOf(archive.url).replace(/\/[^/]+$/, '')]);
      await runProcess(['docker', 'cp', made.path, `${container}:${mirror.pathOf(archive.url)}`]);
      const sha256 = createHash('sha256').update(readFileSync(made.path)).digest('hex');
      expect((await install({ ...plan, archives: [{ ...archive, sha256 }] })).missing).toEqual([]);
    } finally {
      made.remove();
    }
    expect((await onMachine('root', ['npm', 'prefix', '--global'])).stdout).toBe('/usr/local\n');
  });

  it('AI tools are installed without their scripts, in the versions that are asked for', async () => {
    const { stdout } = await home.ok(['ai', 'install', 'claude-code', 'codex@0.171.0', 'demo', '--json']);
    const report = jsonShapes['ai-install'].schema.parse(JSON.parse(stdout));
    expect(report.failed).toEqual([]);
    expect(report.installed).toEqual([
      { name: 'claude-code', toolVersion: expect.stringMatching(/^\d+[.]\d+[.]\d+$/) },
      { name: 'codex', toolVersion: '0.171.0' },
    ]);
  });

  it('they are seen by ai status', async () => {
    const { stdout } = await home.ok(['ai', 'status', 'demo', '--json']);
    const { tools } = jsonShapes['ai-status'].schema.parse(JSON.parse(stdout));
    expect(tools.filter(({ installed }) => installed).map(({ name }) => name)).toEqual([
      'claude-code',
      'codex',
    ]);
  });

  it('a version that there is none of is an error that names the package', async () => {
    const { exitCode, stderr } = await home.spuff(['ai', 'install', 'codex@0.0.999999', 'demo']);
    expect(exitCode).toBe(14);
    expect(stderr).toContain('npm package @openai/codex@0.0.999999');
  });

  it("no key of this computer's user has come along", async () => {
    const machine = {
      ok: (argv: readonly string[], options: { stdin?: string } = {}) => root(argv, options.stdin),
    };
    expect(await searchMachine(machine, formsOf(canary))).toEqual([]);
    await root(['sh', '-c', 'cat > /var/tmp/planted'], canary);
    expect(await searchMachine(machine, formsOf(canary))).toContain('/var/tmp/planted');
  });
});
