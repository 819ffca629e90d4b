import { appendFileSync, chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditScene, makeAuditScene, sampleRequest } from '../../test/fakes/sample-audit.ts';
import type { AuditLog } from '../domain/audit.ts';
import { segmentName } from './audit-files.ts';
import { buildLine, sha256 } from './audit-line.ts';

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

const put = (count: number) => {
  for (let i = 0; i < count; i++) log.require(sampleRequest(`/${i}`));
};

describe('verify', () => {
  const findings = () => log.verify().findings;
  const tamper = (change: (lines: string[]) => string[], segment = 1) =>
    scene.write(change(scene.lines(segment)), segment);
  beforeEach(() => put(6));

  it('finds a line that was changed', () => {
    tamper((lines) => lines.map((line) => line.replace('"/2"', '"/9"')));
    expect(findings()).toEqual([
      { file: segmentName(1), line: 4, problem: expect.stringContaining('line 4 of the log was changed') },
    ]);
  });

  it('finds one that was changed together with its own hash', () => {
    tamper((lines) =>
      lines.map((line) => {
        if (!line.includes('"/2"')) return line;
        const front = line.replace('"/2"', '"/9"').replace(/,"hash":.*/s, '');
        return `${front},"hash":"${sha256(front)}"}\n`;
      }),
    );
    expect(findings()).toMatchObject([
      { line: 5, problem: expect.stringContaining('does not follow line 4') },
    ]);
  });

  it('finds the last one changed together with its own hash', () => {
    tamper((lines) => {
      const front = (lines.at(-1) ?? '').replace('"/5"', '"/9"').replace(/,"hash":.*/s, '');
      return [...lines.slice(0, -1), `${front},"hash":"${sha256(front)}"}\n`];
    });
    expect(findings()).toMatchObject([{ problem: expect.stringContaining('line 7 is not the one') }]);
  });

  it.each([
    [
      'one that was removed',
      (lines: string[]) => lines.toSpliced(3, 1),
      4,
      'line 4 of the log is missing before it',
    ],
    ['the first ones removed', (lines: string[]) => lines.slice(2), 1, 'lines 1 to 2 of the log are missing'],
    [
      'one that stands twice',
      (lines: string[]) => lines.toSpliced(3, 0, lines[3] ?? ''),
      5,
      'line 4 stands twice',
    ],
    [
      'an old one repeated at the end',
      (lines: string[]) => [...lines, lines[2] ?? ''],
      8,
      'line 3 stands twice',
    ],
    ['foreign text', (lines: string[]) => lines.toSpliced(3, 0, 'hello\n'), 4, 'is no line of the log'],
    ['an empty line', (lines: string[]) => lines.toSpliced(3, 0, '\n'), 4, 'is no line of the log'],
  ])('finds %s', (_what, change, line, problem) => {
    tamper(change);
    expect(findings()[0]).toEqual({ file: segmentName(1), line, problem: expect.stringContaining(problem) });
  });

  it('finds two lines that changed places', () => {
    tamper(([a = '', b = '', c = '', d = '', ...rest]) => [a, b, d, c, ...rest]);
    expect(findings().map(({ problem }) => problem)).toEqual([
      expect.stringContaining('line 3 of the log is missing before it'),
      expect.stringContaining('line 3 is not where it belongs'),
    ]);
  });

  it.each([
    ['a line', (lines: string[]) => lines.slice(0, -1)],
    ['part of a line', (lines: string[]) => [...lines.slice(0, -1), (lines.at(-1) ?? '').slice(0, 50)]],
  ])('finds that %s is missing at the end, and still when the log went on', (_what, cut) => {
    tamper(cut);
    expect(findings()).toMatchObject([
      { problem: expect.stringContaining('line 7 of the log is missing at the end') },
    ]);
    put(1);
    expect(findings().at(-1)).toMatchObject({
      problem: expect.stringContaining('line 7 of the log is missing before it'),
    });
  });

  it('finds a line that follows the chain and was not written by spuff', () => {
    let { head } = log.verify();
    for (let i = 0; i < 2; i++) {
      const built = buildLine({ kind: 'end', details: {} }, head, { nowMs: 0, pid: 1 });
      head = built.head;
      appendFileSync(join(scene.directory, segmentName(1)), `${built.text}\n`);
    }
    expect(findings()).toMatchObject([{ problem: expect.stringContaining('not written by spuff') }]);
  });

  it('finds that a file is gone: the first, one between, the last, or all', () => {
    log.close();
    log = scene.open({ maxSegmentBytes: 1_000 });
    put(20);
    const { files } = log.verify();
    expect(files).toBeGreaterThan(4);
    for (const gone of [1, 3, files]) {
      const kept = scene.lines(gone);
      rmSync(join(scene.directory, segmentName(gone)));
      expect(findings()[0]).toEqual({ file: segmentName(gone), line: null, problem: 'is gone' });
      scene.write(kept, gone);
      expect(findings()).toEqual([]);
    }
    rmSync(scene.directory, { recursive: true });
    mkdirSync(scene.directory, { mode: 0o700 });
    expect(findings().at(-1)?.problem).toMatch(/^lines 1 to \d+ of the log are missing at the end/);
  });

  it('finds that the head is gone, also when the log went on', () => {
    log.close();
    tamper((lines) => lines.slice(0, -1));
    for (const end of ['', '-wal', '-shm']) rmSync(join(scene.home, `audit.db${end}`), { force: true });
    expect(findings()).toMatchObject([{ problem: expect.stringContaining('is not on record') }]);
    put(1);
    expect(findings()).toMatchObject([{ problem: expect.stringContaining('not known any more here') }]);
  });

  it('does not take a remark about a torn line for one about anything else', () => {
    appendFileSync(join(scene.directory, segmentName(1)), '{"seq":8,"at"');
    put(1);
    expect(log.verify()).toMatchObject({ findings: [], torn: [{ line: 8 }] });
    tamper((lines) => lines.map((line) => (line.startsWith('{"seq":8,"at"\n') ? '{"seq":8,"bt"\n' : line)));
    expect(findings()).toMatchObject([{ line: 8, problem: 'is no line of the log' }]);
  });

  it('checks from a line on that was noted elsewhere, and fails when that is not there', () => {
    const { head } = log.verify();
    tamper((lines) => lines.map((line) => line.replace('"/2"', '"/9"')));
    put(1);
    expect(findings()).toHaveLength(1);
    expect(log.verify(head.hash)).toMatchObject({ findings: [], lines: 2 });
    expect(() => log.verify('f'.repeat(64))).toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  it('refuses a file that is a link, and repairs none', () => {
    rmSync(join(scene.directory, segmentName(1)));
    symlinkSync('/etc/passwd', join(scene.directory, segmentName(1)));
    expect(() => log.verify()).toThrow(/audit-000001/);
    expect(() => log.require(sampleRequest())).toThrow(/audit-000001/);
  });

  it('reads a directory that can only be read', () => {
    chmodSync(scene.directory, 0o500);
    expect(findings()).toEqual([]);
    chmodSync(scene.directory, 0o700);
  });
});
