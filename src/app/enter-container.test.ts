import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { emptyProject } from '../domain/project.ts';
import { enterContainer } from './enter-container.ts';

describe('the way into a container', () => {
  it('says what to do where there is none yet', () => {
    const [program = '', ...args] = enterContainer({ name: 'demo' }, ['touch', '/nothing']);
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('spuff setup demo');
    expect(stderr).toContain('spuff exec demo --host');
  });

  it('hands each argument on as it is', () => {
    const folder = mkdtempSync(join(tmpdir(), 'spuff-enter-'));
    const path = join(folder, 'enter');
    writeFileSync(path, '#!/bin/sh\nprintf "<%s>" "$@"\n', { mode: 0o755 });
    const given = ['a b', '$HOME', '-x', '', "'"];
    const [program = '', ...args] = enterContainer({ name: 'demo' }, given).map((word) =>
      word.endsWith('/enter') && word.startsWith('/') ? path : word,
    );
    expect(execFileSync(program, args, { encoding: 'utf8' })).toBe("<a b><$HOME><-x><><'>");
    rmSync(folder, { recursive: true });
  });
});

describe('spuff ssh and exec in a project with a container', () => {
  const container = {
    path: '.devcontainer.json',
    usesCompose: false,
    ports: [],
    publishedPorts: [],
    hash: '',
  };
  const project = { ...emptyProject('/work/app/.devcontainer.json', '/work/app', 'app'), container };

  async function commandOf(argv: readonly string[]): Promise<readonly string[] | null> {
    const instance = sampleInstance();
    const state = new MemoryState([instance]);
    const seen: (readonly string[] | null)[] = [];
    const ssh = {
      openSession: async (_: unknown, command: readonly string[] | null) => {
        seen.push(command);
        return 0;
      },
    };
    const { err } = await runLine(argv, { state, ssh, project, settings: { forwardAgent: 'none' } });
    expect(seen, err).toHaveLength(1);
    return seen[0] ?? null;
  }

  it('run in it, but for --host and a session without a command', async () => {
    const { name } = sampleInstance();
    const inside = (...command: string[]) => enterContainer({ name }, command);
    expect(await commandOf(['exec', name, '--', 'ls'])).toEqual(inside('ls'));
    expect(await commandOf(['exec', name, '--host', '--', 'ls'])).toEqual(['ls']);
    expect(await commandOf(['ssh', name])).toEqual(inside());
    expect(await commandOf(['ssh', name, '--', '-v', 'ls', '-l'])).toEqual(inside('ls', '-l'));
    expect(await commandOf(['ssh', name, '--host'])).toBe(null);
    expect(await commandOf(['ssh', name, '--', '-N', '-D', '1080'])).toBe(null);
  });
});
