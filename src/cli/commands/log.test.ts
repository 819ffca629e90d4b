import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nowMs, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryAudit } from '../../../test/fakes/memory-audit.ts';
import { type AuditScene, makeAuditScene, sampleRequest } from '../../../test/fakes/sample-audit.ts';
import { sampleGuardRecord } from '../../../test/fakes/sample-guard.ts';
import { jsonShapes } from '../json-shapes.ts';

describe('spuff log', () => {
  const of = { instanceKey: 'k1', instanceName: 'demo' };
  const audit = new MemoryAudit();
  audit.nowMs = nowMs - 7_200_000;
  audit.require(sampleRequest());
  audit.nowMs = nowMs - 60_000;
  const { at: _at, ...signature } = sampleGuardRecord({}, { user: 'root\u001b[2J' });
  for (const [kind, details] of [
    [
      'change',
      { provider: 'aws', operation: 'create', instanceKey: 'k1', what: { region: 'r', size: null } },
    ],
    ['host-key', { ...of, event: 'pinned', fingerprint: 'SHA256:abc' }],
    ['signature', signature],
    ['command', { ...of, event: 'ended', program: 'make', arguments: 1, exitStatus: 2 }],
    ['session', { ...of, event: 'opened', lent: 'guard' }],
    ['deadline', { ...of, event: 'moved', until: null }],
    [
      'end',
      { ...of, provider: 'aws', machine: 'i-1', by: 'down', why: 'asked', cost: '0.10 USD', snapshot: 's' },
    ],
    ['of-a-newer-spuff', { x: 1 }],
  ] as const)
    audit.require({ kind, details });
  const run = (...argv: string[]) => runLine(['log', ...argv], { audit });
  const count = async (...argv: string[]) => JSON.parse((await run('--json', ...argv)).out).lines.length;

  it('shows one line for each, with foreign text escaped', async () => {
    const { out } = await run();
    expect(out.split('\n').map((line) => line.replace(/^\S+ \S+ +/, ''))).toEqual([
      'request    01kfh3v0c8e2r5t7w9y1a3b5d7  hetzner POST /v1/servers: 201 (a1b2)',
      'change     k1  aws create region=r size=null',
      'host-key   demo  pinned SHA256:abc',
      expect.stringMatching(/^signature {2}demo {2}refused: login root\\x1b\[2J@SHA256:h+ \(destination\)$/),
      'command    demo  make ended, 2',
      'session    demo  opened, lent: guard',
      'deadline   demo  moved: no end',
      'end        demo  aws i-1 is gone (down, asked), 0.10 USD, kept as s',
      'of-a-newer-spuff  -  {"x":1}',
      '',
    ]);
  });

  it('filters by time, kind and number', async () => {
    expect(await count()).toBe(9);
    expect(await count('--since', '1h')).toBe(8);
    expect(await count('--since', '2026-11-22')).toBe(9);
    expect(await count('--since', '2027-01-01T00:00Z')).toBe(0);
    expect(await count('--kind', 'change, end')).toBe(2);
    expect(await count('-n', '3')).toBe(3);
    expect((await run('--since', '2027-01-01')).err).toContain('nothing is in the log');
  });

  it.each([
    [['--since', 'soon'], 'write 2h'],
    [['--since', '2026-13-45'], 'write 2h'],
    [['--kind', 'chang'], 'did you mean change?'],
    [['--kind', 'x'], 'there are: log, change'],
    [['-n', '0'], 'from 1 to'],
    [['verify', '--from-hash', 'abc'], '64 hexadecimal digits'],
  ])('refuses %j', async (argv, hint) => {
    expect(await run(...argv)).toMatchObject({ status: 2, err: expect.stringContaining(hint) });
  });

  it('follows, one object a line', async () => {
    const { out } = await run('--follow', '--json', '--kind', 'end');
    const line = JSON.parse(out);
    expect(jsonShapes['local-log'].schema.safeParse(line)).toMatchObject({ success: true });
    expect(line.line.kind).toBe('end');
  });
});

describe('spuff log verify', () => {
  let scene: AuditScene;
  beforeEach(() => {
    scene = makeAuditScene();
  });
  afterEach(() => scene.remove());
  const verify = (...argv: string[]) => runLine(['log', 'verify', ...argv], { audit: scene.open() });

  it('says that it is whole, and prints the newest hash', async () => {
    const log = scene.open();
    log.require(sampleRequest());
    const { head } = log.verify();
    expect(await verify()).toMatchObject({
      status: 0,
      out: `ok  2 lines in 1 file\nnewest: line 2, ${head.hash}\n`,
    });
    expect(await verify('--from-hash', head.hash)).toMatchObject({ status: 0 });
    expect(await verify('--from-hash', 'a'.repeat(64))).toMatchObject({ status: 4 });
  });

  it('names what is wrong, with status 1', async () => {
    scene.open().require(sampleRequest());
    scene.write(scene.lines().map((line) => line.replace('/v1/servers', '/v1/other')));
    const { status, out } = await verify();
    expect(status).toBe(1);
    expect(out).toContain('fail  audit-000001.ndjson:2: line 2 of the log was changed');
    const json = await verify('--json');
    expect(json.status).toBe(1);
    expect(jsonShapes['log-verification'].schema.safeParse(JSON.parse(json.out))).toMatchObject({
      success: true,
    });
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, findings: [{ line: 2 }] });
  });
});
