import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeRun, nowMs, runLine } from '../../../test/fakes/cli-run.ts';
import { memoryKeys } from '../../../test/fakes/memory-keys.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { sampleVm } from '../../../test/fakes/sample-vm.ts';
import { lendsByDefault } from '../../app/inspect/local-keys.ts';
import { machineInspections } from '../../app/inspect/machine.ts';
import { allInspections } from '../../app/inspect/run-inspections.ts';
import type { Capabilities, Provider } from '../../domain/provider.ts';
import type { Ssh } from '../../domain/ssh.ts';
import { jsonShapes } from '../json-shapes.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-audit-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const demo = sampleInstance();
const day = 24 * 3_600_000;

interface Found {
  id: string;
  subject: string | null;
  outcome: string;
  findings: { what: string; mend: string }[];
}

async function findings(only: string, given: FakeRun): Promise<Found[]> {
  const { out, err } = await runLine(['audit', '--json', '--only', only], { home, ...given });
  if (out === '') throw new Error(err);
  const printed: unknown = JSON.parse(out);
  expect(jsonShapes.audit.schema.safeParse(printed).error).toBeUndefined();
  return (printed as { checks: Found[] }).checks;
}

const caps = { clock: 'this-computer', billing: { granularity: 'hour' } } as Capabilities;
const empty = {
  caps,
  list: async function* () {},
  leftovers: async function* () {},
  find: async () => null,
} satisfies Partial<Provider>;

describe('at the provider', () => {
  it('an unknown machine is found, with what to do about it', async () => {
    const intruder = sampleVm({
      id: 'vm-9',
      key: sampleInstance({ name: 'intruder' }).key,
      instanceName: 'x\u001b[2J',
    });
    const provider = {
      ...empty,
      list: async function* () {
        yield intruder;
      },
    };
    const [check] = await findings('L3', { provider, state: new MemoryState([demo]) });
    expect(check).toMatchObject({ outcome: 'found', subject: 'fake' });
    expect(check?.findings[0]?.what).toContain('vm vm-9 (x\\x1b[2J)');
    expect(check?.findings[0]?.mend).toContain('spuff down');
    expect(await findings('L3', { provider: empty })).toMatchObject([{ outcome: 'pass' }]);
  });

  it('what dead machines have left is found', async () => {
    const key = sampleInstance({ name: 'dead' }).key;
    const leftover = { kind: 'volume', id: 'v-1', name: 'disk', key, billed: true } as const;
    const provider = {
      ...empty,
      leftovers: async function* () {
        yield leftover;
      },
    };
    expect(await findings('L2', { provider })).toMatchObject([{ outcome: 'found' }]);
    expect(await findings('L2', { provider: empty })).toMatchObject([{ outcome: 'pass' }]);
  });

  it.each<[readonly string[] | null, string]>([
    [null, 'found'],
    [['0.0.0.0/0'], 'found'],
    [['::/0', '198.51.100.7/32'], 'found'],
    [['198.51.100.7/32'], 'pass'],
    [[], 'pass'],
  ])('a firewall with %j: %s', async (sources, outcome) => {
    const provider = { ...empty, firewall: { show: async () => sources, set: async () => undefined } };
    const checks = await findings('V3/firewall', { provider, state: new MemoryState([demo]) });
    expect(checks).toMatchObject([{ outcome }]);
  });

  it('a right that is missing is found, and a provider that does not answer is no pass', async () => {
    const access = { account: 'a', missing: ['droplet:delete'], quota: {} };
    const checks = await findings('S1/token', { provider: { ...empty, checkAccess: async () => access } });
    expect(checks[0]?.findings[0]?.what).toContain('droplet:delete');
    const given = { settings: { provider: 'elsewhere' } };
    expect(await findings('S1/token', given)).toMatchObject([{ outcome: 'skipped' }]);
  });
});

describe('on this computer', () => {
  it.each<[string, Partial<typeof demo>]>([
    ['is half made', { phase: 'creating' }],
    ['is over', { expiresAt: new Date(nowMs - 1) }],
    ['is off', { vmState: { state: 'stopped', checkedAt: new Date(nowMs) } }],
    ['has no end', { expiresAt: null }],
    ['does not switch itself off', { idleTimeoutMs: null }],
  ])('a machine that %s is found', async (what, change) => {
    const given = { provider: empty, state: new MemoryState([sampleInstance(change)]) };
    const [check] = await findings('L1', given);
    expect(check?.findings.map((one) => one.what).join()).toContain(what);
    expect(await findings('L1', { ...given, state: new MemoryState([demo]) })).toMatchObject([
      { outcome: 'pass' },
    ]);
  });

  it("spuff's own key is found when it is old, gone, or its rotation is half done", async () => {
    const keys = memoryKeys(home);
    const services = { openOwnKeys: async () => keys };
    const look = async () => (await findings('P5/own-key', { services }))[0];
    expect(await look()).toMatchObject({ outcome: 'skipped' });
    const key = await keys.make({ storage: 'disk', passphrase: 'none' });
    expect(await look()).toMatchObject({ outcome: 'pass' });
    keys.ring.current = { ...key, madeAt: new Date(nowMs - 100 * day) };
    expect((await look())?.findings[0]?.what).toContain('is 100d old');
    keys.ring.current = key;
    keys.ring.retiring = [{ ...key, name: 'id_old', clearedFrom: [] }];
    expect((await look())?.findings[0]?.what).toContain('is still let in somewhere');
    keys.ring.retiring = [];
    keys.files.clear();
    expect((await look())?.findings[0]?.what).toContain('can not be used any more');
  });

  it('regions are to be said where machines are elsewhere', async () => {
    expect(await findings('P4/allowed-regions', { provider: empty })).toMatchObject([{ outcome: 'found' }]);
    const settings = { allowedRegions: ['here'] };
    expect(await findings('P4/allowed-regions', { provider: empty, settings })).toMatchObject([
      { outcome: 'pass' },
    ]);
  });

  it('an agent is not to be lent to every host', () => {
    expect(lendsByDefault('user me\nforwardagent yes\n')).toBe(true);
    expect(lendsByDefault('forwardagent /run/agent.sock\n')).toBe(true);
    expect(lendsByDefault('user me\nforwardagent no\nport 22\n')).toBe(false);
  });
});

describe('on a machine', () => {
  it('no check passes where the machine says nothing, or lies without sense', async () => {
    for (const [stdout, exitCode] of [
      ['', 127],
      ['\u0000\u001b]0;x\u0007'.repeat(50), 1],
      ['sudo: a password is required', 1],
    ] as const) {
      const ssh: Partial<Ssh> = {
        run: async () => ({ stdout, stderr: stdout, exitCode }),
        findLoginKeys: async () => ({ publicKeys: [], publicKeyPath: null, notes: [] }),
      };
      const only = machineInspections.map(({ control, slug }) => `${control}/${slug}`).join();
      const checks = await findings(only, { provider: empty, ssh, state: new MemoryState([demo]) });
      expect(checks).toHaveLength(machineInspections.length);
      const passed = checks.filter(({ outcome }) => outcome === 'pass').map(({ id }) => id);
      // Of files, no line is an answer.
      expect(passed).toEqual(
        exitCode === 127 ? [] : ['P5/authorized-keys', 'V1/sudo'].filter((id) => passed.includes(id)),
      );
      expect(JSON.stringify(checks)).not.toMatch(/\\u001b|\\u0007/);
    }
  });

  it('security updates are counted, and others are not', async () => {
    const lines = [
      'Inst libssl3 [3.0.1] (3.0.2 Debian-Security:12/stable-security [amd64])',
      'Inst nano [1] (2 Debian:12.9/stable [amd64])',
      'Conf libssl3 (3.0.2 Debian-Security:12/stable-security [amd64])',
    ];
    const ssh: Partial<Ssh> = { run: async () => ({ stdout: lines.join('\n'), stderr: '', exitCode: 0 }) };
    const [check] = await findings('V7/updates', { provider: empty, ssh, state: new MemoryState([demo]) });
    expect(check?.findings[0]?.what).toBe('1 security updates wait on demo: libssl3');
  });
});

it('every check has an id of its own, and texts of one style', () => {
  expect(new Set(allInspections.map(({ id }) => id)).size).toBe(allInspections.length);
  for (const { id, title, why } of allInspections) {
    expect(id).toMatch(/^[SWVFLP]\d\/[a-z-]+$/);
    for (const text of [title, why]) expect(text).toMatch(/^[^A-Z].*[^.]$/s);
  }
});
