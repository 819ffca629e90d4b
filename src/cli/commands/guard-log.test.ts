import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nowMs, runLine } from '../../../test/fakes/cli-run.ts';
import { sampleGuardRecord } from '../../../test/fakes/sample-guard.ts';
import type { GuardRecord } from '../../domain/guard.ts';
import type { InstanceKey } from '../../domain/ids.ts';
import { jsonShapes } from '../json-shapes.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-guard-'));
  mkdirSync(join(home, 'log'), { mode: 0o700 });
});
afterEach(() => rmSync(home, { recursive: true }));

const putLog = (text: string, name = 'guard.ndjson') =>
  writeFileSync(join(home, 'log', name), text, { mode: 0o600 });
const run = (...argv: string[]) => runLine(['guard', 'log', ...argv], { home });

describe('spuff guard log', () => {
  const lines = [
    sampleGuardRecord(
      { at: new Date(nowMs - 7_200_000).toISOString(), decision: 'signed', reason: null },
      { destination: 'github.com' },
    ),
    sampleGuardRecord(
      { instanceName: 'gone', instanceKey: 'k' as InstanceKey },
      { user: 'root\u001b[2J', destination: null },
    ),
    sampleGuardRecord({ reason: 'commit-signing' }, { kind: 'commit', user: null }),
  ];
  const ofAll = (all: readonly GuardRecord[]) => all.map((one) => `${JSON.stringify(one)}\n`).join('');

  it('shows all, the oldest first and the older file before, with foreign text escaped', async () => {
    putLog(ofAll(lines.slice(0, 1)), 'guard.ndjson.1');
    putLog(`${ofAll(lines.slice(1))}{"at":"2026-`);
    const { out } = await run();
    const [, first, second, third, ...rest] = out.trimEnd().split('\n');
    expect(first).toMatch(/^2h ago +demo +signed +log in to github\.com as git +SHA256:\S+$/);
    expect(second).toContain('as root\\x1b[2J');
    expect(third).toMatch(/sign a commit +SHA256:\S+ +signing commits is not allowed$/);
    expect(rest).toEqual([]);
  });

  it('filters by instance, age and decision', async () => {
    putLog(ofAll(lines));
    const count = async (...argv: string[]) => JSON.parse((await run('--json', ...argv)).out).records.length;
    expect(await count()).toBe(3);
    expect(await count('gone')).toBe(1);
    expect(await count('demo')).toBe(2);
    expect(await count('demo', '--refused')).toBe(1);
    expect(await count('--since', '1h')).toBe(2);
    expect(await run('--since', 'soon')).toMatchObject({ status: 2 });
    expect((await run('other')).err).toContain('nothing was asked of a guard');
  });

  it('prints its shape, and leaves out what is no record', async () => {
    const strange = [
      'null',
      '[]',
      '{}',
      '7',
      JSON.stringify({ ...lines[0], reason: 'because' }),
      JSON.stringify({ ...lines[0], at: 'then' }),
    ];
    putLog(`${strange.join('\n')}\n${ofAll(lines)}`);
    const { out } = await run('--json');
    expect(JSON.parse(out).records).toEqual(lines);
    expect(jsonShapes['guard-log'].schema.safeParse(JSON.parse(out))).toMatchObject({ success: true });
  });
});
