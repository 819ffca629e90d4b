import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleRequest } from '../../test/fakes/sample-audit.ts';
import type { AuditHead, AuditReport } from '../domain/audit.ts';
import { Secret } from '../domain/secret.ts';
import { buildLine, genesis, parseLine } from './audit-line.ts';
import { verifyChain } from './audit-verify.ts';

const stamp = { nowMs: Date.UTC(2026, 10, 23), pid: 7 };

function makeLog(count: number): { bytes: Buffer; head: AuditHead } {
  let head = genesis;
  let text = '';
  for (let i = 0; i < count; i++) {
    const built = buildLine(sampleRequest(`/${i}`), head, stamp);
    head = built.head;
    text += `${built.text}\n`;
  }
  return { bytes: Buffer.from(text), head };
}

function check(bytes: Buffer, head: AuditHead): AuditReport | null {
  return verifyChain({
    segments: [{ name: 'a', bytes }],
    known: { head, base: genesis },
    newestSeq: () => head.seq,
    fromHash: null,
  });
}

describe('the check', () => {
  const { bytes, head } = makeLog(5);
  const at = fc.nat({ max: bytes.length - 1 });

  it('finds each byte that is another one, in 60000 trials', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(at, fc.integer({ min: 1, max: 255 }), (place, difference) => {
        const changed = Buffer.from(bytes);
        changed[place] = (changed[place] ?? 0) ^ difference;
        expect(check(changed, head)?.findings.length).toBeGreaterThan(0);
      }),
      { numRuns: 60_000 },
    );
  });

  it('finds each piece that is missing, put in, or moved, in 30000 trials', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(at, fc.integer({ min: 1, max: 400 }), at, (from, length, to) => {
        const piece = bytes.subarray(from, from + length);
        const without = Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
        const moved = Buffer.concat([without.subarray(0, to), piece, without.subarray(to)]);
        const doubled = Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to)]);
        const isFound = (log: Buffer) => (check(log, head)?.findings.length ?? 0) > 0;
        // What stands behind the last line may be of a process that was killed: it is named, and nothing is missing.
        const isNamed = (log: Buffer) => isFound(log) || check(log, head)?.torn.length === 1;
        expect([without, moved].every(isLike(isFound)) && isLike(isNamed)(doubled)).toBe(true);
      }),
      { numRuns: 30_000 },
    );
  });

  /** Without its last end of line the log still says all that it said. */
  const isLike = (test: (log: Buffer) => boolean) => (log: Buffer) =>
    log.equals(bytes) || log.equals(bytes.subarray(0, -1)) || test(log);

  it('takes any text at all, in 60000 trials', { timeout: 120_000 }, () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.constantFrom('{"seq":1,"prev":"', `{"seq":1,"prev":"${'0'.repeat(64)}","hash":"${'0'.repeat(64)}"}`),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), fc.constantFrom('\n', '\r\n', '\0', ''), (texts, end) => {
        const log = Buffer.from(texts.join(end) + end);
        const report = check(log, head);
        expect(report?.lines === 0 && report.findings.length > 0).toBe(true);
      }),
      { numRuns: 60_000 },
    );
  });

  it('is content with what was written, whatever it was', () => {
    const kind = fc.string({ unit: 'binary' });
    const details = fc.dictionary(fc.string({ unit: 'binary' }), fc.anything(), { maxKeys: 5 });
    fc.assert(
      fc.property(fc.array(fc.record({ kind, details }), { minLength: 1, maxLength: 5 }), (contents) => {
        let end = genesis;
        let text = '';
        for (const content of contents) {
          const built = buildLine(content, end, stamp);
          end = built.head;
          text += `${built.text}\n`;
          expect(built.text.includes('\n') || !parseLine(built.text)?.isWhole).toBe(false);
        }
        expect(check(Buffer.from(text), end)?.findings).toEqual([]);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('a line', () => {
  it('holds no secret, wherever it was put', () => {
    const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 40, maxLength: 40 });
    const known = new Secret('correct horse battery staple 7');
    fc.assert(
      fc.property(hex, fc.string(), fc.string(), fc.boolean(), (random, before, after, isDeep) => {
        const token = `dop_v1_${random}`;
        const text = `${before} ${token} ${after} ${known.reveal()}`;
        const details = isDeep ? { what: { list: [{ [text]: text }] } } : { url: text, apiToken: random };
        const line = buildLine({ kind: 'change', details }, genesis, stamp).text;
        expect(parseLine(line)?.isWhole).toBe(true);
        for (const secret of [token, known.reveal(), ...(isDeep ? [] : [random])])
          expect(line).not.toContain(secret);
      }),
      { numRuns: 5_000 },
    );
  });

  it('is cut as a whole where it would be endless', () => {
    const details = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 'x '.repeat(9_000)]));
    const { text } = buildLine({ kind: 'change', details }, genesis, stamp);
    expect(text.length).toBeLessThan(1_000);
    expect(parseLine(text)?.line.details).toEqual({ cut: expect.any(Number) });
  });
});
