import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditScene, makeAuditScene, sampleRequest } from '../../test/fakes/sample-audit.ts';
import type { AuditLine, AuditLog } from '../domain/audit.ts';
import { segmentName } from './audit-files.ts';

let scene: AuditScene;
let log: AuditLog;
beforeEach(() => {
  scene = makeAuditScene();
  log = scene.open();
});
afterEach(() => {
  log.close();
  scene.remove();
});

const worker = join(import.meta.dirname, '..', '..', 'test', 'fakes', 'audit-worker.ts');
const run = async (...args: string[]) => {
  const child = spawn(process.execPath, [worker, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  return (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
};
const put = (count: number) => {
  for (let i = 0; i < count; i++) log.require(sampleRequest(`/${i}`));
};

describe('writing', () => {
  it('chains every line to the one before, 0600 in 0700', () => {
    put(3);
    const lines = log.read();
    expect(lines.map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, 'log'],
      [2, 'request'],
      [3, 'request'],
      [4, 'request'],
    ]);
    expect(lines.slice(1).map(({ prev }) => prev)).toEqual(lines.slice(0, -1).map(({ hash }) => hash));
    expect(lines[1]).toMatchObject({ pid: process.pid, details: sampleRequest('/0').details });
    const mode = (path: string) => statSync(path).mode & 0o777;
    expect(mode(join(scene.directory, segmentName(1)))).toBe(0o600);
    expect(mode(scene.directory)).toBe(0o700);
    expect(mode(join(scene.home, 'audit.db'))).toBe(0o600);
    expect(log.verify()).toMatchObject({ lines: 4, findings: [], head: { seq: 4, hash: lines[3]?.hash } });
  });

  it('goes on in another file when one is full, and keeps the chain over files', () => {
    log.close();
    log = scene.open({ maxSegmentBytes: 2_000 });
    put(40);
    const report = log.verify();
    expect(report).toMatchObject({ findings: [] });
    expect(report.files).toBeGreaterThan(4);
    expect(log.read().map(({ seq }) => seq)).toEqual(Array.from({ length: report.lines }, (_, i) => i + 1));
    expect(log.read({ last: 3 })).toEqual(log.read().slice(-3));
  });

  it('drops the oldest files, says so, and is whole all the same', () => {
    log.close();
    log = scene.open({ maxSegmentBytes: 1_000, keptSegments: 3 });
    put(40);
    expect(log.verify()).toMatchObject({ files: 3, findings: [] });
    const dropped = log.read().filter(({ details }) => details['event'] === 'dropped');
    expect(dropped.length).toBeGreaterThan(0);
    // One more that goes is not one that was dropped.
    const first = log.read()[0]?.seq ?? 0;
    const [oldest = 0] = [...Array(100).keys()].filter((n) => isThere(n));
    rmSync(join(scene.directory, segmentName(oldest)));
    expect(log.verify().findings[0]?.problem).toMatch(
      new RegExp(`^lines ${first} to \\d+ of the log are missing`),
    );
  });

  const isThere = (segment: number) =>
    statSync(join(scene.directory, segmentName(segment)), { throwIfNoEntry: false }) !== undefined;

  it('keeps lines of eight processes apart, each there once', { timeout: 120_000 }, async () => {
    const ends = await Promise.all(Array.from({ length: 8 }, () => run('write', scene.home, '60')));
    expect(ends.every(([code]) => code === 0)).toBe(true);
    const urls = log.read({ kinds: ['request'] }).map(({ details }) => details['url']);
    expect(urls).toHaveLength(480);
    expect(new Set(urls).size).toBe(480);
    expect(log.verify()).toMatchObject({ findings: [], torn: [] });
  });

  it.each([1, 40, 200, 330])('closes a line that a killed process left after %i bytes', async (bytes) => {
    put(2);
    expect(await run('die', scene.home, String(bytes))).toEqual([null, 'SIGKILL']);
    expect(log.verify()).toMatchObject({ lines: 3, findings: [], torn: [{ line: 4 }] });
    put(1);
    expect(log.verify()).toMatchObject({ lines: 5, findings: [], torn: [{ line: 4 }] });
    expect(log.read().map(({ kind }) => kind)).toEqual(['log', 'request', 'request', 'log', 'request']);
  });

  it('takes over a line whose process died before it could say so, with or without its end', async () => {
    put(1);
    // Counted from the end: how long the line is depends on how many digits the number of its process has.
    for (const bytes of [100_000, -1]) {
      expect(await run('die', scene.home, String(bytes))).toEqual([null, 'SIGKILL']);
      put(1);
    }
    expect(log.verify()).toMatchObject({ findings: [], torn: [] });
    expect(log.read({ kinds: ['request'] })).toHaveLength(5);
  });

  it('refuses what must be written and tells once of what may be lost', () => {
    put(1);
    log.close();
    log = scene.open();
    rmSync(scene.directory, { recursive: true });
    symlinkSync('/tmp', scene.directory);
    expect(() => log.require(sampleRequest())).toThrow(/is not a real directory/);
    log.note(sampleRequest());
    log.note(sampleRequest());
    expect(scene.lost).toHaveLength(1);
  });

  it('says that the disk is full, and is whole again when it is not', (context) => {
    const disk = join(scene.home, 'disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', disk]);
    if (mounted.status !== 0) return context.skip('needs the right to mount a tmpfs: run as root');
    const full = makeAuditScene(disk);
    const small = full.open();
    try {
      small.require(sampleRequest());
      const until = () => {
        for (let i = 0; i < 5_000; i++) small.require(sampleRequest(`/${i}`));
      };
      writeFileSync(join(disk, 'filler'), Buffer.alloc(100_000));
      expect(until).toThrow(
        expect.objectContaining({ code: 'state', message: expect.stringMatching(/full/) }),
      );
      small.note(sampleRequest());
      expect(full.lost).toHaveLength(1);
      rmSync(join(disk, 'filler'));
      small.require(sampleRequest('/after'));
      expect(small.verify()).toMatchObject({ findings: [] });
      expect(small.read({ last: 1 })).toMatchObject([{ details: { url: '/after' } }]);
    } finally {
      small.close();
      spawnSync('umount', ['-l', disk]);
    }
  });

  it('names a damaged head and the remedy', () => {
    put(1);
    log.close();
    writeFileSync(join(scene.home, 'audit.db'), 'x'.repeat(8_192));
    expect(() => log.require(sampleRequest())).toThrow(
      expect.objectContaining({ code: 'state', hints: [expect.stringContaining('mv ')] }),
    );
    rmSync(join(scene.home, 'audit.db'));
    put(1);
    expect(log.verify().findings).toMatchObject([
      { line: 3, problem: expect.stringContaining('not known any more') },
    ]);
  });
});

describe('reading', () => {
  it('shows nothing, and makes nothing, where there is no log', () => {
    expect(log.read()).toEqual([]);
    expect(log.verify()).toMatchObject({ files: 0, lines: 0, findings: [] });
    expect(statSync(join(scene.home, 'audit.db'), { throwIfNoEntry: false })).toBeUndefined();
  });

  it('filters by kind, time and number', () => {
    put(3);
    expect(log.read({ kinds: ['log'] })).toHaveLength(1);
    expect(log.read({ last: 2 }).map(({ details }) => details['url'])).toEqual(['/1', '/2']);
    expect(log.read({ last: 0 })).toEqual([]);
    expect(log.read({ sinceMs: Date.now() + 60_000 })).toEqual([]);
    expect(log.read({ sinceMs: Date.now() - 60_000 })).toHaveLength(4);
  });

  it('follows what is added, also into the next file', async () => {
    log.close();
    log = scene.open({ maxSegmentBytes: 500, runtime: { now: Date.now, sleep: () => Promise.resolve() } });
    put(1);
    const stop = new AbortController();
    const seen: AuditLine[] = [];
    const following = (async () => {
      for await (const line of log.follow(stop.signal)) {
        if (seen.push(line) === 6) stop.abort();
        else if (line.kind === 'request') put(1);
      }
    })();
    await Promise.resolve();
    put(1);
    await following;
    expect(seen.map(({ seq }) => seq)).toEqual([3, 4, 5, 6, 7, 8]);
  });
});
