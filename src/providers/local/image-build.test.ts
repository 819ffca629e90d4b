/** Builds with a stand-in for mmdebstrap that takes as long as it is told and cleans up as slowly as the real one. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeEngine } from '../../../test/fakes/fake-engine.ts';
import type { Provider } from '../../domain/provider.ts';
import { systemRuntime } from '../../lib/clock.ts';
import type { ExtraFile } from './image-store.ts';
import { createLocalProvider } from './local-provider.ts';

const searchPath = process.env['PATH'] ?? '';
let folder = '';
let home = '';
let engine: FakeEngine;
const openEngines: FakeEngine[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-build-'));
  home = join(folder, 'home');
  engine = new FakeEngine();
  openEngines.push(engine);
  await engine.listen(join(folder, 'engine.sock'));
  standIn('sleep 0.2; echo archive; : > packages/a.deb');
});
afterEach(() => {
  for (const open of openEngines.splice(0)) open.close();
  process.env['PATH'] = searchPath;
  rmSync(folder, { recursive: true });
});

/** What `mmdebstrap` does in place of the real one, in the directory of the build. */
function standIn(script: string): void {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const lines = ['#!/bin/sh', '[ "$1" = --version ] && exit 0', `echo run >> ${folder}/runs`, script];
  writeFileSync(join(bin, 'mmdebstrap'), `${lines.join('\n')}\n`);
  chmodSync(join(bin, 'mmdebstrap'), 0o755);
  process.env['PATH'] = `${bin}${delimiter}${searchPath}`;
}

function open(extraFiles: readonly ExtraFile[] = [], inHome = home): Provider {
  return createLocalProvider({
    runtime: systemRuntime,
    home: inHome,
    engineSocket: join(folder, 'engine.sock'),
    env: {},
    userHome: folder,
    extraFiles,
  });
}

function build(
  provider: Provider,
  change: { signal?: AbortSignal; force?: boolean; onLine?: (line: string) => void } = {},
) {
  const options = { signal: new AbortController().signal, deadline: new Date(Date.now() + 3_600_000) };
  return provider.images!.build({ ...options, ...change });
}

const runs = () => readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n').length;
const leftOver = () => readdirSync(join(home, 'cache')).filter((name) => name.startsWith('image-'));

describe('images.build', () => {
  it('builds once when several ask at the same time', async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => build(open())));
    expect(runs()).toBe(1);
    expect(results.map(({ cached }) => cached).toSorted()).toEqual([false, true, true, true]);
    expect(engine.images).toHaveLength(1);
  });

  it('says what it waits for', async () => {
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line);
    await Promise.all([build(open(), { onLine }), build(open(), { onLine })]);
    expect(lines).toContain('waiting for another spuff, which builds it');
  });

  it('removes what it replaces, also what came while it waited, and never what is newer', async () => {
    const before = engine.addBaseImage({ 'spuff.recipe': 'old' }, 1_000);
    const later = engine.addBaseImage({ 'spuff.recipe': 'of another version' }, 9_999_999_999);
    standIn('echo archive; sleep 0.1');
    engine.onRequest = (line) => {
      if (line === 'POST /images/create') engine.addBaseImage({ 'spuff.recipe': 'came meanwhile' }, 2_000);
    };
    const { image } = await build(open());
    const left = engine.images.map(({ Id }) => Id);
    expect(left).not.toContain(before.Id);
    expect(left).toContain(later.Id);
    expect(engine.images.map(({ Labels }) => Labels['spuff.recipe'])).not.toContain('came meanwhile');
    expect(left).toHaveLength(2);
    expect(image.os).toBe('debian');
  });

  it('has ended the builder and removed its work when an abort is over', async () => {
    // Like the real one: what it has started does the work, and it waits for that before it cleans up.
    standIn(
      `mkdir ${folder}/root; sleep 600 & trap : TERM; echo begun >&2; wait; wait; sleep 0.3; rmdir ${folder}/root; exit 25`,
    );
    const stop = new AbortController();
    const asking = build(open(), {
      signal: stop.signal,
      onLine: (line) => line === 'begun' && stop.abort(new Error('stopped by the test')),
    });
    await expect(asking).rejects.toMatchObject({ code: 'interrupted' });
    expect(existsSync(join(folder, 'root'))).toBe(false);
    expect(leftOver()).toEqual([]);
    expect(engine.images).toEqual([]);
  });

  it('removes what a build that was killed has left, and closes its directories to others', async () => {
    const dead = join(home, 'cache', 'image-dead', 'packages');
    mkdirSync(dead, { recursive: true });
    writeFileSync(join(dead, 'large.deb'), 'x');
    standIn(
      `stat -c %a . packages overlay.tar > ${folder}/modes; umask 022; chmod 755 packages; mkdir packages/partial; : > packages/a.deb; echo archive`,
    );
    await build(open());
    expect(leftOver()).toEqual([]);
    expect(readFileSync(join(folder, 'modes'), 'utf8')).toBe('700\n700\n600\n');
    const modeOf = (name: string) => statSync(join(home, 'cache', 'apt', name)).mode & 0o777;
    expect(['', 'partial', 'a.deb'].map(modeOf)).toEqual([0o700, 0o700, 0o600]);
  });

  it('takes nothing of a builder that fails', async () => {
    standIn('echo half; echo "E: No space left on device" >&2; exit 25');
    await expect(build(open())).rejects.toMatchObject({ message: expect.stringContaining('disk is full') });
    expect(leftOver()).toEqual([]);
  });
});

describe('images.build, on files that are not as they should be', () => {
  it('names the file in the place of a directory', async () => {
    mkdirSync(join(home, 'cache'), { recursive: true });
    writeFileSync(join(home, 'cache', 'apt'), '');
    await expect(build(open())).rejects.toMatchObject({
      code: 'permission',
      message: expect.stringContaining(join(home, 'cache', 'apt')),
    });
  });

  it('names the extra file that is not there, at its finding and while it is read', async () => {
    const file = join(folder, 'extra');
    const extra = { targetPath: '/usr/lib/x', mode: 0o755, sha256: 'x', locate: async () => file };
    await expect(build(open([extra]))).rejects.toMatchObject({
      code: 'state',
      message: expect.stringContaining(`can't read ${file}`),
    });
    mkdirSync(file);
    await expect(build(open([extra]))).rejects.toMatchObject({
      code: 'state',
      message: expect.stringMatching(/can't (?:read|write) \/.*: a directory is in its place/),
    });
  });

  it('calls a full disk a full disk, and says where', async (context) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk, { mode: 0o700 });
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', disk]).status === 0;
    if (!mounted) context.skip('needs the right to mount a tmpfs: run as root');
    try {
      const file = join(folder, 'extra');
      writeFileSync(file, Buffer.alloc(4_000_000));
      const extra = { targetPath: '/usr/lib/x', mode: 0o755, sha256: 'x', locate: async () => file };
      await expect(build(open([extra], disk))).rejects.toMatchObject({
        code: 'state',
        message: expect.stringMatching(/write .*\/disk\/cache\/image-.*: the disk is full/),
      });
      expect(readdirSync(join(disk, 'cache')).filter((name) => name.startsWith('image-'))).toEqual([]);
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});
