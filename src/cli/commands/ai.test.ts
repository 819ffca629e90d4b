import { describe, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import type { RunOptions, RunResult, Ssh } from '../../domain/ssh.ts';
import { jsonShapes } from '../json-shapes.ts';

interface Said {
  machine: string;
  argv: readonly string[];
  options: RunOptions | undefined;
}

const ok = (stdout = ''): RunResult => ({ stdout, stderr: '', exitCode: 0 });
const missing: RunResult = { stdout: '', stderr: 'command not found', exitCode: 127 };

/** A machine that answers by the end of what it is asked; what it does not know is not there. */
function fakeMachine(answers: Readonly<Record<string, RunResult>>): { said: Said[]; run: FakeRun } {
  const said: Said[] = [];
  const run: Ssh['run'] = async (target, argv, options) => {
    said.push({ machine: target.name, argv, options });
    const line = argv.join(' ');
    const known = Object.entries(answers).find(([end]) => line.endsWith(end));
    return known?.[1] ?? (argv[0] === 'sudo' ? ok() : missing);
  };
  const instances = [sampleInstance(), sampleInstance({ name: 'other' })];
  return { said, run: { ssh: { run }, state: new MemoryState(instances) } };
}

const withNode = { 'node --version': ok('v24.18.0\n'), 'npm --version': ok('11.0.0\n') };

describe('ai install', () => {
  it('installs on the instance that is named last, and says the version', async ({ expect }) => {
    const { said, run } = fakeMachine({ ...withNode, 'codex --version': ok('codex-cli 0.171.0\n') });
    const { status, out, err } = await runLine(['ai', 'install', 'codex', 'other'], run);
    expect([status, out, err]).toEqual([0, 'codex 0.171.0\n', expect.any(String)]);
    expect(new Set(said.map(({ machine }) => machine))).toEqual(new Set(['other']));
    const npm = said.find(({ argv }) => argv.includes('npm') && argv.includes('install'));
    expect(npm?.argv.slice(0, 3)).toEqual(['sudo', '-n', 'env']);
    expect(npm?.argv).toContain('--ignore-scripts');
    expect(npm?.argv.at(-1)).toBe('@openai/codex@latest');
  });

  it.for([
    ['none', {}, true],
    ['one that is too old', { ...withNode, 'node --version': ok('v18.20.4\n') }, true],
    ['one without npm', { 'node --version': ok('v24.18.0\n') }, true],
    ['one that will do', withNode, false],
  ] as const)('brings Node to a machine with %s: %j', async ([_label, answers, brings], { expect }) => {
    const { said, run } = fakeMachine({ ...answers, 'claude --version': ok('2.1.332 (Claude Code)\n') });
    await runLine(['ai', 'install', 'claude-code', '--instance', 'demo'], run);
    const fetched = said.filter(({ argv }) => argv.includes('install-archive'));
    expect(fetched).toHaveLength(brings ? 1 : 0);
  });

  it('takes no variable of this computer along, and no key in any other way', async ({ expect }) => {
    const canary = 'sk-canary-0123456789abcdef';
    const names = ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'GITHUB_TOKEN', 'OPENCODE_API_KEY'];
    const env = Object.fromEntries(names.map((name) => [name, canary]));
    Object.assign(process.env, env);
    try {
      const { said, run } = fakeMachine({});
      await runLine(['ai', 'install', 'all', 'demo'], { ...run, env });
      expect(said.length).toBeGreaterThan(10);
      for (const { argv, options } of said) {
        expect(argv.join(' ')).not.toContain(canary);
        expect(argv.join(' ')).not.toMatch(/API_KEY|TOKEN/);
        expect(options?.stdin).toBeUndefined();
      }
    } finally {
      for (const name of names) delete process.env[name];
    }
  });

  it('goes on after a tool that fails, and says why', async ({ expect }) => {
    const { run } = fakeMachine({
      ...withNode,
      '@openai/codex@latest': {
        stdout: '',
        stderr: 'npm error code E404\nnpm error \u001b[31mgone\n',
        exitCode: 1,
      },
      // An older one that is there does not make it well.
      'codex --version': ok('codex-cli 0.1.0\n'),
      'opencode --version': ok('1.18.33\n'),
    });
    const { status, out, err } = await runLine(['ai', 'install', 'codex', 'opencode', 'demo', '--json'], run);
    expect(status).toBe(14);
    const printed: unknown = JSON.parse(out);
    expect(() => jsonShapes['ai-install'].schema.parse(printed)).not.toThrow();
    expect(printed).toMatchObject({
      installed: [{ name: 'opencode', toolVersion: '1.18.33' }],
      failed: [{ name: 'codex', code: 'provider' }],
    });
    expect(err).toContain('npm package @openai/codex@latest');
    expect(err + out).not.toContain('\u001b');
  });

  it.for([
    [['codx', '--instance', 'demo'], 'there is no AI tool "codx"', 'did you mean codex?'],
    [['codex', 'nowhere'], 'there is no AI tool "nowhere"', 'there are: claude-code'],
    [['codex@x', 'demo'], '"x" is no version of @openai/codex', 'write the whole version'],
    [['codex', '--instance', 'nowhere'], 'there is no instance named "nowhere"', 'there are: demo, other'],
  ] as const)('refuses %j before any machine is asked', async ([words, message, hint], { expect }) => {
    const { said, run } = fakeMachine(withNode);
    const { status, err } = await runLine(['ai', 'install', ...words], run);
    expect(status).toBeGreaterThan(0);
    expect(err).toContain(message);
    expect(err).toContain(hint);
    expect(said).toEqual([]);
  });
});

describe('ai status', () => {
  it('tells what is there and what is not', async ({ expect }) => {
    const { run } = fakeMachine({ 'codex --version': ok('codex-cli 0.171.0\n') });
    const { status, out } = await runLine(['ai', 'status', 'demo', '--json'], run);
    expect(status).toBe(0);
    expect(jsonShapes['ai-status'].schema.parse(JSON.parse(out)).tools).toEqual([
      { name: 'claude-code', installed: false, toolVersion: null },
      { name: 'codex', installed: true, toolVersion: '0.171.0' },
      { name: 'opencode', installed: false, toolVersion: null },
      { name: 'copilot', installed: false, toolVersion: null },
    ]);
    expect((await runLine(['ai', 'status', 'demo'], run)).out).toMatch(/codex +installed +0[.]171[.]0/);
  });
});

describe('what spuff knows by itself', () => {
  it.for([
    ['ai-tools', ['ai', 'list']],
    ['ai-tools', ['ai', 'info', 'codex']],
    ['bundles', ['bundles']],
    ['bundles', ['bundles', 'python', '--distribution', 'debian-13']],
  ] as const)('prints the shape %s for %j', async ([shape, argv], { expect }) => {
    const { status, out } = await runLine([...argv, '--json']);
    expect(status).toBe(0);
    expect(() => jsonShapes[shape].schema.parse(JSON.parse(out))).not.toThrow();
  });

  it('says of every tool which variable holds its key, and that it stays here', async ({ expect }) => {
    for (const [tool, variable] of [
      ['claude-code', 'ANTHROPIC_API_KEY'],
      ['codex', 'OPENAI_API_KEY'],
      ['opencode', 'OPENCODE_API_KEY'],
      ['copilot', 'COPILOT_GITHUB_TOKEN'],
    ] as const) {
      const { out } = await runLine(['ai', 'info', tool]);
      expect(out).toContain('spuff never takes the key to a machine');
      expect(out).toContain(`env: { ${variable}: $${variable} }`);
    }
  });

  it('lists the tools of a bundle, the optional ones marked', async ({ expect }) => {
    const { out } = await runLine(['bundles', 'python']);
    expect(out).toContain('Python: 3.10, 3.11, 3.12, 3.13, 3.14; without a version 3.11');
    expect(out).toMatch(/ruff +linter +PyPI +optional/);
    expect(out).toMatch(/pylsp +language server +Debian\n/);
  });
});
