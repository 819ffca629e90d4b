import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAgentConfig } from '../domain/agent-config.ts';
import { runProcess } from '../lib/process.ts';
import { packFiles } from './agent-archive.ts';
import { type AgentInstallation, installAgent, installCommand, installFiles } from './agent-install.ts';
import { installScript, missingRuntimeStatus } from './agent-install-script.ts';
import {
  agentUnitFiles,
  agentUnitPatterns,
  agentUnits,
  agentUnitTargets,
  renderAgentUnits,
} from './agent-units.ts';

let folder: string;
let installation: AgentInstallation;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-install-'));
  writeFileSync(join(folder, 'agent.cjs'), 'the bundle');
  writeFileSync(join(folder, 'node'), 'the runtime');
  installation = {
    version: '0.1.0',
    bundlePath: join(folder, 'agent.cjs'),
    bundleSha256: createHash('sha256').update('the bundle').digest('hex'),
    runtimeSha256: createHash('sha256').update('the runtime').digest('hex'),
    runtimePath: async () => join(folder, 'node'),
    user: 'dev',
    tokenSha256: 'a'.repeat(64),
    lease: { deadline: new Date('2030-01-01T00:00:00.900Z'), idleTimeoutMs: 7_200_000 },
    knownHosts: ['github.com ssh-ed25519 AAAA'],
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Unpacks what a machine would get. */
async function unpack(stdin: AsyncIterable<Uint8Array>): Promise<(name: string) => string> {
  const target = mkdtempSync(join(folder, 'unpacked-'));
  const { exitCode, stderr } = await runProcess(['tar', '-xzf', '-', '-C', target], { stdin });
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  return (name) => readFileSync(join(target, name), 'utf8');
}

describe('installing the agent', () => {
  it('is one round trip when the machine has the runtime', async () => {
    const sent: ((name: string) => string)[] = [];
    await installAgent(
      async (argv, { stdin }) => {
        expect(argv).toEqual(installCommand(installation));
        sent.push(await unpack(stdin));
        return { exitCode: 0, stderr: '' };
      },
      { ...installation, runtimePath: () => Promise.reject(new Error('it is not needed')) },
    );
    expect(sent).toHaveLength(1);
    const [read] = sent;
    expect(read?.('agent.cjs')).toBe('the bundle');
    expect(read?.('etc/agent.env')).toBe(`SPUFF_AGENT_TOKEN_SHA256=${'a'.repeat(64)}\n`);
    expect(JSON.parse(read?.('etc/agent.json') ?? '')).toEqual({
      user: 'dev',
      deadline: 1_893_456_000,
      idleTimeoutSeconds: 7_200,
    });
    expect(read?.('units/spuff-agent.service')).toContain(
      'ExecStart=/usr/lib/spuff/agent/current/node --jitless',
    );
  });

  it('sends the runtime when the machine asks for it', async () => {
    const rounds: string[] = [];
    const progress: string[] = [];
    const run = async (_argv: readonly string[], { stdin }: { stdin: AsyncIterable<Uint8Array> }) => {
      const read = await unpack(stdin);
      const hasRuntime = rounds.length === 1 && read('node') === 'the runtime';
      rounds.push(hasRuntime ? 'with' : 'without');
      return { exitCode: hasRuntime ? 0 : missingRuntimeStatus, stderr: '' };
    };
    await installAgent(run, installation, (what) => progress.push(what));
    expect(rounds).toEqual(['without', 'with']);
    expect(progress).toHaveLength(1);
  });

  it('says what the machine said when it fails, escaped', async () => {
    const run = async () => ({ exitCode: 1, stderr: 'sh: 3: \u001b[31mno room\n' });
    await expect(installAgent(run, installation)).rejects.toMatchObject({
      code: 'agent',
      message: 'spuff-agent could not be installed: sh: 3: \\x1b[31mno room',
    });
  });

  it('passes nothing but plain words to the shell', () => {
    const words = installCommand(installation).slice(6);
    expect(words).toHaveLength(3);
    for (const word of words) expect(word).toMatch(/^[0-9A-Za-z.+-]+$/);
    for (const change of [
      { version: '0.1.0; rm' },
      { bundleSha256: 'x' },
      { runtimeSha256: '' },
      { tokenSha256: 'a\n' },
    ]) {
      expect(() => installCommand({ ...installation, ...change })).toThrow(TypeError);
    }
  });

  it.each(['sh', 'bash'])('has a script that %s reads', async (shell) => {
    expect(await runProcess([shell, '-n', '-c', installScript])).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('sends a lease in whole seconds, and an idle time-out never shorter than asked for', async () => {
    const lease = { deadline: null, idleTimeoutMs: 1_500 };
    const files = await installFiles({ ...installation, lease });
    const file = files.find(({ path }) => path === 'etc/agent.json');
    expect(parseAgentConfig(file && 'content' in file ? String(file.content) : '')).toEqual({
      user: 'dev',
      deadline: null,
      idleTimeoutSeconds: 2,
    });
  });
});

describe('the archive', () => {
  it('is the same for the same files, and keeps modes', async () => {
    const files = await installFiles(installation);
    const once = async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await packFiles(files)) chunks.push(chunk);
      return Buffer.concat(chunks);
    };
    expect((await once()).equals(await once())).toBe(true);
    const target = join(folder, 'modes');
    mkdirSync(target);
    await runProcess(['tar', '-xzpf', '-', '-C', target], { stdin: await packFiles(files) });
    expect(statSync(join(target, 'etc/agent.env')).mode & 0o777).toBe(0o600);
    expect(statSync(join(target, 'agent.cjs')).mode & 0o777).toBe(0o644);
  });

  it('fails when a file can not be read', async () => {
    const files = [{ path: 'node', sourcePath: join(folder, 'missing'), bytes: 5, mode: 0o755 }];
    const read = async () => {
      for await (const chunk of await packFiles(files)) expect(chunk).toBeDefined();
    };
    await expect(read()).rejects.toThrow('ENOENT');
  });
});

describe('the units', () => {
  it('have no place where a user name could become another line', () => {
    fc.assert(
      fc.property(fc.string(), (user) => {
        let units: Readonly<Record<string, string>>;
        try {
          units = renderAgentUnits(user);
        } catch (error) {
          expect(error).toMatchObject({ code: 'config' });
          return;
        }
        expect(units['spuff-exec@.service']).toContain(`\nUser=${user}\n`);
      }),
      { examples: [['dev'], ['dev\nUser=root'], ['root'], ['spuff-agent'], ['%u'], ['dev dev'], ['']] },
    );
  });

  it('are all written and all started', () => {
    expect(Object.keys(renderAgentUnits('dev')).sort()).toEqual([...agentUnitFiles].sort());
    expect(Object.keys(agentUnitTargets).sort()).toEqual([...agentUnits].sort());
  });

  it('are those that a restored machine finds by their names', () => {
    const patterns = agentUnitPatterns.map((pattern) => new RegExp(`^${pattern.replace('*', '.*')}$`));
    const isFound = (unit: string) => patterns.some((pattern) => pattern.test(unit));
    expect(agentUnitFiles.filter((unit) => !isFound(unit))).toEqual([]);
    expect(['spuff-firewall.service', 'spuff-first-boot.service'].filter(isFound)).toEqual([]);
  });

  it('are what systemd can read', async () => {
    const units = renderAgentUnits('dev');
    for (const [name, content] of Object.entries(units)) writeFileSync(join(folder, name), content);
    for (const [name, content] of Object.entries(units)) {
      for (const line of content.split('\n'))
        expect(line, name).toMatch(/^(\[[A-Z][a-z]+\]|[A-Za-z0-9]+=.*|)$/);
    }
  });
});
