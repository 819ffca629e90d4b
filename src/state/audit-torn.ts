/** What a process leaves that dies in the middle of a line, and the remark that closes it: writer and check agree on it here. */
import type { AuditLine } from '../domain/audit.ts';
import { type LineContent, sha256 } from './audit-line.ts';

/** @param junk what stands behind the last line of the chain, line by line, none of which is one of the log */
export function remarkTorn(junk: readonly string[]): LineContent {
  const text = junk.join('\n');
  const details = { event: 'torn', lines: junk.length, bytes: Buffer.byteLength(text), sha256: sha256(text) };
  return { kind: 'log', details };
}

/** Whether a line is the remark about exactly what stands before it. */
export function closesTorn({ kind, details }: AuditLine, junk: readonly string[]): boolean {
  const { event, sha256: hash } = details;
  return kind === 'log' && event === 'torn' && hash === sha256(junk.join('\n'));
}
