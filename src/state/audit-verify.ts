/** Checks the local log: every line against the one before it, and the end against what is kept beside the log. */
import type { AuditFinding, AuditHead, AuditLine, AuditReport } from '../domain/audit.ts';
import { splitLines } from './audit-files.ts';
import { follows, genesis, parseLine } from './audit-line.ts';
import { closesTorn } from './audit-torn.ts';

/** A file of the log. */
export interface SegmentText {
  name: string;
  /** null: it is gone since it was listed. */
  bytes: Buffer | null;
}

export interface VerifyInput {
  segments: Iterable<SegmentText>;
  /** As it was before the files were read; null: there is none. */
  known: { head: AuditHead; base: AuditHead } | null;
  /** Asked after they were read: what was written meanwhile may be there. */
  newestSeq: () => number;
  fromHash: string | null;
}

const mostFindings = 20;

/** @returns null when `fromHash` is given and no line has it */
export function verifyChain(input: VerifyInput): AuditReport | null {
  const walk = new ChainWalk(input);
  for (const { name, bytes } of input.segments) walk.read(name, bytes);
  return walk.finish();
}

class ChainWalk {
  readonly #input: VerifyInput;
  readonly #findings: AuditFinding[] = [];
  readonly #torn: { file: string; line: number }[] = [];
  /** Where each line stands, by its number; for lines that come twice. */
  readonly #places = new Map<number, { hash: string; file: string; line: number }>();
  #head: AuditHead;
  #isOn: boolean;
  #junk: { text: string; line: number }[] = [];
  #file = '';
  #files = 0;
  #lines = 0;

  constructor(input: VerifyInput) {
    this.#input = input;
    this.#head = input.known?.base ?? genesis;
    this.#isOn = input.fromHash === null;
  }

  read(name: string, bytes: Buffer | null): void {
    this.#settleJunk();
    this.#file = name;
    this.#files += 1;
    if (bytes === null && this.#isOn) this.#find(null, 'is gone');
    for (const { number, text } of splitLines(bytes ?? Buffer.alloc(0))) this.#take(number, text);
  }

  #take(number: number, text: string): void {
    const parsed = parseLine(text);
    if (parsed === null) {
      this.#junk.push({ text, line: number });
      return;
    }
    const { line, isWhole } = parsed;
    // What was to be dropped, and is still there.
    if (line.seq <= (this.#input.known?.base.seq ?? 0)) return;
    if (!this.#isOn && !this.#begin(line)) return;
    this.#closeJunk(line);
    this.#lines += 1;
    if (!isWhole) this.#find(number, `line ${line.seq} of the log was changed: its hash is another`);
    else if (line.kind === 'log' && line.details['event'] === 'head-lost')
      this.#find(number, 'the end of the log was not known any more here: lines before it may be missing');
    this.#place(number, line);
  }

  /** With `--from-hash` nothing counts before the line that has it. */
  #begin(line: AuditLine): boolean {
    this.#junk = [];
    if (line.hash !== this.#input.fromHash) return false;
    this.#isOn = true;
    this.#head = { seq: line.seq - 1, hash: line.prev };
    return true;
  }

  /** Whether the line stands where it belongs. */
  #place(number: number, line: AuditLine): void {
    const before = this.#head;
    const known = this.#places.get(line.seq);
    const here = { hash: line.hash, file: this.#file, line: number };
    if (known?.hash === line.hash) {
      this.#find(number, `line ${line.seq} stands twice: it is in ${known.file}:${known.line} already`);
      return;
    }
    this.#places.set(line.seq, known ?? here);
    if (!follows(line, before)) {
      if (line.seq <= before.seq) {
        this.#find(number, `line ${line.seq} is not where it belongs: it comes after line ${before.seq}`);
        return;
      }
      this.#find(number, describeGap(line.seq, before.seq));
    }
    this.#head = { seq: line.seq, hash: line.hash };
  }

  #closeJunk(next: AuditLine): void {
    const junk = this.#junk;
    this.#junk = [];
    const [first] = junk;
    if (first === undefined) return;
    const isTorn = closesTorn(
      next,
      junk.map(({ text }) => text),
    );
    if (isTorn) this.#torn.push({ file: this.#file, line: first.line });
    else for (const { line } of junk) this.#find(line, 'is no line of the log');
  }

  /** What stands at the end of a file: only at the very end may it be a line that is not closed yet. */
  #settleJunk(): void {
    for (const { line } of this.#junk) if (this.#isOn) this.#find(line, 'is no line of the log');
    this.#junk = [];
  }

  finish(): AuditReport | null {
    if (!this.#isOn) return null;
    const [first] = this.#junk;
    if (first !== undefined) this.#torn.push({ file: this.#file, line: first.line });
    this.#checkEnd();
    return {
      ...{ files: this.#files, lines: this.#lines, head: this.#head },
      ...{ findings: this.#findings.slice(0, mostFindings), torn: this.#torn },
    };
  }

  #checkEnd(): void {
    const { known, newestSeq } = this.#input;
    const newest = newestSeq();
    if (known === null) {
      if (this.#lines > 0)
        this.#find(
          null,
          'where the log ends is not on record (audit.db is gone): lines may be missing at its end',
        );
      return;
    }
    const { head } = known;
    if (this.#head.seq < head.seq) {
      const missing = nameLines(this.#head.seq + 1, head.seq);
      this.#find(null, `${missing} missing at the end of the log`);
      return;
    }
    const there = head.seq === this.#head.seq ? this.#head.hash : this.#places.get(head.seq)?.hash;
    if (there !== undefined && there !== head.hash)
      this.#find(null, `line ${head.seq} is not the one that was written`);
    // One may have been written by a process that died before it could say so.
    if (this.#head.seq > newest + 1)
      this.#find(null, `${nameLines(newest + 1, this.#head.seq)} not written by spuff`);
  }

  #find(line: number | null, problem: string): void {
    if (this.#findings.length < mostFindings) this.#findings.push({ file: this.#file, line, problem });
  }
}

function describeGap(seq: number, before: number): string {
  if (seq === before + 1)
    return `line ${seq} does not follow line ${before}: one of the two was changed, or put in its place`;
  return `${nameLines(before + 1, seq - 1)} missing before it`;
}

/** With its verb: `line 3 is`, `lines 3 to 5 are`. */
function nameLines(first: number, last: number): string {
  return first === last ? `line ${first} of the log is` : `lines ${first} to ${last} of the log are`;
}
