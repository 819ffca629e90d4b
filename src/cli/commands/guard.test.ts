import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { auditOf } from '../../../test/fakes/memory-audit.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleGuardRecord, sampleGuardStatus } from '../../../test/fakes/sample-guard.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import type { GuardRecord } from '../../domain/guard.ts';
import type { GuardAnswer } from '../../domain/guard-control.ts';
import { parsePublicKey } from '../../lib/public-key.ts';
import { makeHostKey } from '../../ssh/host-key.ts';
import { openGuardFile } from '../../state/guard-file-editor.ts';
import { readGuardPolicy } from '../../state/guard-files.ts';
import { jsonShapes } from '../json-shapes.ts';

const makeKey = () => parsePublicKey(makeHostKey('test').publicKey)!;
const [known, proved, machine] = [makeKey(), makeKey(), makeKey()];
const demo = sampleInstance({
  hostIdentity: { phase: 'pinned', injectedPublicKey: 'ssh-ed25519 AAAA1', publicKey: machine.line },
});

/** Refused, with a proof of the host key. */
const provedRecord = (hostKey = proved.line) =>
  sampleGuardRecord({}, { hostFingerprint: proved.fingerprint, hostKey });

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-guard-'));
});
afterEach(() => rmSync(home, { recursive: true }));

/** The real files in a home of the test's own; `answers` is what guards say that run. */
function scene(
  answers: readonly GuardAnswer[] = [],
  hosts: Record<string, string[]> = {},
  refused: readonly GuardRecord[] = [],
) {
  const told: [string, number][] = [];
  const run: FakeRun = {
    home,
    audit: auditOf(refused),
    state: new MemoryState([demo, sampleInstance({ name: 'other' })]),
    guard: {
      guardPolicy: (directory) => readGuardPolicy({ home, directory }),
      guardFile: () => openGuardFile(home),
      guardControl: async () => ({
        tell: async (operation, keys) => {
          told.push([operation, keys.length]);
          return answers.filter(({ instanceKey }) => keys.includes(instanceKey));
        },
        findHostKeys: async (host) => hosts[host] ?? [],
      }),
    },
  };
  return { told, run: (...argv: string[]) => runLine(['guard', ...argv], run) };
}

const answer: GuardAnswer = {
  instanceKey: demo.key,
  session: '0a0a0a0a',
  ok: true,
  status: sampleGuardStatus(),
};
const silent: GuardAnswer = {
  instanceKey: demo.key,
  session: '0b0b0b0b',
  ok: false,
  error: 'it hangs\u001b[2J',
};
const allowed = async () =>
  (await readGuardPolicy({ home, directory: home })).destinations.map(({ name, users, hostKeys }) => [
    name,
    users,
    hostKeys,
  ]);

describe('spuff guard status', () => {
  it('shows the guards and the policy', async () => {
    const { status, out } = await scene([answer, silent]).run('status');
    expect(status).toBe(0);
    expect(out).toMatch(/^demo +0a0a0a0a +77 +3 +1 +in 1h$/m);
    expect(out).toMatch(/0b0b0b0b.*not known: it hangs\\x1b\[2J$/m);
    expect(out).toMatch(/^keys +all of your ssh-agent$/m);
    expect(out).toMatch(/^github\.com +git +3 +plain will do$/m);
    expect(out).toMatch(/^codeberg\.org +git +3 +bound to the host$/m);
  });

  it('prints its shape with --json, also of a policy that is wrong', async () => {
    const { run } = scene([answer, silent]);
    const good = JSON.parse((await run('status', 'demo', '--json')).out);
    expect(jsonShapes['guard-status'].schema.safeParse(good)).toMatchObject({ success: true });
    expect(good).toMatchObject({
      instance: 'demo',
      guards: [{ pid: 77 }],
      unanswered: [{ session: '0b0b0b0b' }],
    });
    writeFileSync(join(home, 'guard.yaml'), 'rates: 1\n', { mode: 0o600 });
    const wrong = await run('status', '--json');
    expect(jsonShapes['guard-status'].schema.safeParse(JSON.parse(wrong.out))).toMatchObject({
      success: true,
    });
    expect(JSON.parse(wrong.out).policy).toMatchObject({ ok: false, error: { code: 'config' } });
    const shown = await run('status');
    expect(shown).toMatchObject({ status: 3 });
    expect(shown.out).toContain('0a0a0a0a');
    expect(shown.err).toContain('did you mean rate?');
  });

  it('says when a guard was revoked, when none runs, and when nothing is allowed', async () => {
    const revoked: GuardAnswer = { ...answer, ok: true, status: sampleGuardStatus({ revoked: true }) };
    expect((await scene([revoked]).run('status')).out).toMatch(/1 +revoked$/m);
    writeFileSync(join(home, 'guard.yaml'), 'forges: []\nkeys: [a]\n', { mode: 0o600 });
    const { out, err } = await scene().run('status');
    expect(err).toContain('no guard runs');
    expect(out).toContain('no host is allowed');
    expect(out).toMatch(/^keys +a$/m);
  });
});

describe('spuff guard allow', () => {
  it('takes the keys of known_hosts, and guards that run hear of it', async () => {
    const { told, run } = scene([answer], { 'git.example.com': [known.line, 'ssh-dss AAAA'] });
    const { status, out, err } = await run('allow', 'Git.Example.com', '--user', 'deploy');
    expect({ status, out }).toEqual({
      status: 0,
      out: `git.example.com is allowed, as deploy\n  ${known.fingerprint} (ssh-ed25519)\n`,
    });
    expect(err).toContain('the host keys are from your known_hosts');
    expect(err).toContain('it holds for the 1 that run');
    expect((await allowed()).at(-1)).toEqual(['git.example.com', ['deploy'], [known.line]]);
    expect(told).toEqual([['reload', 2]]);
  });

  it('takes a whole key, or one that a refused login proved, by its fingerprint', async () => {
    const { run } = scene([], {}, [provedRecord()]);
    expect(await run('allow', 'a.example.com', '--host-key', `${known.line} comment`)).toMatchObject({
      status: 0,
    });
    expect(await run('allow', '[b.example.com]:2222', '--host-key', proved.fingerprint)).toMatchObject({
      status: 0,
    });
    expect((await allowed()).slice(-2)).toEqual([
      ['a.example.com', ['git'], [known.line]],
      ['[b.example.com]:2222', ['git'], [proved.line]],
    ]);
  });

  it('believes no key of the log that is not the one of the fingerprint', async () => {
    const { status, err } = await scene([], {}, [provedRecord(known.line)]).run(
      'allow',
      'a.example.com',
      '--host-key',
      proved.fingerprint,
    );
    expect(status).toBe(4);
    expect(err).toContain('connect once yourself: ssh git@a.example.com');
  });

  it('names the command for another port, and what known_hosts has instead', async () => {
    const hosts = { '[a.example.com]:2222': [known.line] };
    const { status, err } = await scene([], hosts).run(
      'allow',
      '[a.example.com]:2222',
      '--host-key',
      proved.fingerprint,
    );
    expect(status).toBe(4);
    expect(err).toContain('ssh -p 2222 git@a.example.com');
    expect(err).toContain(known.fingerprint);
  });

  it.each([
    [['allow'], 2, 'which host?'],
    [['allow', '--user', 'git', '--commit-signing', 'allow'], 2, 'which host?'],
    [['allow', '-oProxyCommand=x'], 2, ''],
    [['allow', 'a b'], 2, 'is not the name of a host'],
    [['allow', 'a.example.com', '--user', 'a b'], 2, 'is not a user name'],
    [
      ['allow', 'a.example.com', '--host-key', 'ssh-ed25519 AAAA'],
      2,
      'neither a host key nor the fingerprint',
    ],
    [['allow', 'github.com', '--user', 'alice'], 2, 'github.com is built in'],
    [['allow', 'github.com', '--host-key', known.line], 2, 'github.com is built in'],
    [['allow', 'a.example.com', '--host-key', machine.line], 2, 'that is the host key of demo'],
    [['allow', '--commit-signing', 'maybe'], 2, 'maybe'],
    [['allow', 'a.example.com'], 4, 'no host key of a.example.com is known'],
  ])('refuses %j', async (argv, expected, text) => {
    const { status, err } = await scene().run(...argv);
    expect(status).toBe(expected);
    expect(err).toContain(text);
    expect((await allowed()).length).toBe(5);
  });

  it('brings a built-in forge back, and sets how commits are signed', async () => {
    const { run } = scene();
    await run('revoke', '--host', 'gitlab.com');
    expect(await run('allow', 'gitlab.com')).toMatchObject({
      status: 0,
      out: 'gitlab.com is allowed, as git\n',
    });
    expect((await run('allow', 'gitlab.com')).out).toBe('gitlab.com is allowed already, as git\n');
    expect((await run('allow', '--commit-signing', 'confirm')).out).toBe('commit signing: confirm\n');
    expect(await readGuardPolicy({ home, directory: home })).toMatchObject({ commitSigning: 'confirm' });
  });
});

describe('spuff guard revoke', () => {
  it('stops the guards of one instance, or all', async () => {
    const { told, run } = scene([answer]);
    expect((await run('revoke', 'demo')).out).toBe('session 0a0a0a0a of demo: nothing is signed any more\n');
    expect((await run('revoke', 'other')).err).toContain('no guard runs there');
    expect((await run('revoke', '--all')).out).toContain('0a0a0a0a');
    expect(told).toEqual([
      ['revoke', 1],
      ['revoke', 1],
      ['revoke', 2],
    ]);
    expect(await run('revoke', 'nobody')).toMatchObject({ status: 4 });
  });

  it('fails when one does not answer, naming it', async () => {
    const { status, err } = await scene([answer, silent]).run('revoke', 'demo');
    expect(status).toBe(12);
    expect(err).toContain('session 0b0b0b0b did not do it: it hangs\\x1b[2J');
  });

  it('takes a host off the list, and says what there is when it is not on it', async () => {
    const { told, run } = scene([answer], { 'git.example.com': [known.line] });
    await run('allow', 'git.example.com');
    expect(await run('revoke', '--host', 'GIT.example.com')).toMatchObject({ status: 0 });
    expect(await run('revoke', '--host', 'github.com')).toMatchObject({ status: 0 });
    expect((await allowed()).map(([name]) => name)).toEqual([
      'gitlab.com',
      'bitbucket.org',
      'codeberg.org',
      'git.sr.ht',
    ]);
    expect(told).toEqual([
      ['reload', 2],
      ['reload', 2],
      ['reload', 2],
    ]);
    const { status, err } = await run('revoke', '--host', 'github.com');
    expect(status).toBe(4);
    expect(err).toContain('allowed are: gitlab.com, bitbucket.org');
  });

  it.each([[['demo', '--all']], [['demo', '--host', 'github.com']], [['--all', '--host', 'github.com']]])(
    'refuses %j',
    async (argv) => expect(await scene().run('revoke', ...argv)).toMatchObject({ status: 2 }),
  );
});
