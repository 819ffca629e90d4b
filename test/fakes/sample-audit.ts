/** A local log in a directory of its own, and entries for it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEntry, AuditLog } from '../../src/domain/audit.ts';
import { segmentName } from '../../src/state/audit-files.ts';
import { type AuditLogOptions, openAuditLog } from '../../src/state/audit-log.ts';

export function sampleRequest(url = '/v1/servers'): AuditEntry {
  return {
    kind: 'request',
    details: {
      ...{ provider: 'hetzner', operation: 'create', instanceKey: '01kfh3v0c8e2r5t7w9y1a3b5d7' },
      ...{ method: 'POST', url, status: 201, requestId: 'a1b2' },
    },
  };
}

export interface AuditScene {
  home: string;
  directory: string;
  lost: unknown[];
  open(change?: Partial<AuditLogOptions>): AuditLog;
  /** The lines of a file, each with its end. */
  lines(segment?: number): string[];
  write(lines: readonly string[], segment?: number): void;
  remove(): void;
}

export function makeAuditScene(home = mkdtempSync(join(tmpdir(), 'spuff-audit-'))): AuditScene {
  const directory = join(home, 'log');
  const lost: unknown[] = [];
  const pathOf = (segment: number) => join(directory, segmentName(segment));
  return {
    ...{ home, directory, lost },
    open: (change) =>
      openAuditLog({
        ...{ directory, headPath: join(home, 'audit.db') },
        runtime: { now: Date.now, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) },
        onLost: (error) => void lost.push(error),
        ...change,
      }),
    lines: (segment = 1) => readFileSync(pathOf(segment), 'utf8').split(/(?<=\n)/),
    write: (lines, segment = 1) => writeFileSync(pathOf(segment), lines.join('')),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}
