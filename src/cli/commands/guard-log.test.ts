import { describe, expect, it } from 'vitest';
import { nowMs, runLine } from '../../../test/fakes/cli-run.ts';
import { auditOf } from '../../../test/fakes/memory-audit.ts';
import { sampleGuardRecord } from '../../../test/fakes/sample-guard.ts';
import type { InstanceKey } from '../../domain/ids.ts';
import { jsonShapes } from '../json-shapes.ts';

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
  const run = (records: readonly object[], ...argv: string[]) =>
    runLine(['guard', 'log', ...argv], { audit: auditOf(records) });

  it('shows all, the oldest first, with foreign text escaped', async () => {
    const { out } = await run(lines);
    const [, first, second, third, ...rest] = out.trimEnd().split('\n');
    expect(first).toMatch(/^2h ago +demo +signed +log in to github\.com as git +SHA256:\S+$/);
    expect(second).toContain('as root\\x1b[2J');
    expect(third).toMatch(/sign a commit +SHA256:\S+ +signing commits is not allowed$/);
    expect(rest).toEqual([]);
  });

  it('filters by instance, age and decision', async () => {
    const count = async (...argv: string[]) =>
      JSON.parse((await run(lines, '--json', ...argv)).out).records.length;
    expect(await count()).toBe(3);
    expect(await count('gone')).toBe(1);
    expect(await count('demo')).toBe(2);
    expect(await count('demo', '--refused')).toBe(1);
    expect(await count('--since', '1h')).toBe(2);
    expect(await run(lines, '--since', 'soon')).toMatchObject({ status: 2 });
    expect((await run(lines, 'other')).err).toContain('nothing was asked of a guard');
  });

  it('prints its shape, and leaves out what is no record', async () => {
    const strange = [{}, { ...lines[0], reason: 'because' }, { ...lines[0], request: 7 }];
    const { out } = await run([...strange, ...lines], '--json');
    expect(JSON.parse(out).records).toEqual(lines);
    expect(jsonShapes['guard-log'].schema.safeParse(JSON.parse(out))).toMatchObject({ success: true });
  });
});
