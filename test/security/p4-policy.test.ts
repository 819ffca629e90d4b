/** P4, for everybody on a computer: a policy of root's holds over settings, flags and what a repository says. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Result, spuffProgram } from '../e2e/spuff-process.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';

let scene: CloudScene;
/** Stands in the place of /etc, for these commands alone. */
let etc: string;
let project: string;
beforeAll(async () => {
  scene = await openCloudScene('hetzner');
  const root = mkdtempSync(join(tmpdir(), 'spuff-policy-'));
  etc = join(root, 'etc');
  project = join(root, 'project');
  cpSync('/etc', etc, { recursive: true, verbatimSymlinks: true });
  mkdirSync(project);
});
afterAll(async () => {
  await scene.close();
  rmSync(join(etc, '..'), { recursive: true });
});

const policyPath = () => join(etc, 'spuff', 'policy.yaml');
const putPolicy = (text: string) => {
  rmSync(join(etc, 'spuff'), { recursive: true, force: true });
  mkdirSync(join(etc, 'spuff'), { mode: 0o755 });
  writeFileSync(policyPath(), text, { mode: 0o644 });
};
const putProject = (text: string) => writeFileSync(join(project, 'spuff.policy.yaml'), text);
beforeEach(() => putProject(''));

/** In a mount namespace of its own, so that no other program sees this /etc. */
async function spuff(...args: string[]): Promise<Result> {
  const script = 'mount --bind "$1" /etc && shift && exec "$@"';
  const child = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', etc, ...spuffProgram, ...args],
    {
      cwd: project,
      env: { ...process.env, ...scene.env, SPUFF_BACKGROUND: 'off', SPUFF_HOME: scene.home.path },
      stdio: ['ignore', 'pipe', 'pipe'],
      // What is not refused would wait for a machine that is only pretended.
      timeout: 20_000,
      killSignal: 'SIGINT',
    },
  );
  const [stdout, stderr, [exitCode, signal]] = await Promise.all([
    child.stdout.setEncoding('utf8').toArray(),
    child.stderr.setEncoding('utf8').toArray(),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { exitCode, signal, stdout: stdout.join(''), stderr: stderr.join('') };
}

const heard = () => scene.harness.sim.requests.length;

/** What came of it, and how many requests the cloud has heard meanwhile. */
async function attempt(...argv: readonly string[]): Promise<Result & { asked: number }> {
  const before = heard();
  const result = await spuff(...argv);
  return { ...result, asked: heard() - before };
}

const refusal = (exitCode: number, why: string) => ({
  exitCode,
  asked: 0,
  stderr: expect.stringContaining(why),
});

const up = ['up', 'x', '--no-connect'] as const;

describe('the cloud hears nothing of', () => {
  it('an up that the computer’s policy forbids, whatever flags, settings and the repository say', async () => {
    putPolicy('regions: [fsn1]\nmax_lifetime: 8h\nidle_timeout: 2h\nfirewall: my-ip\nforward_agent: guard\n');
    // All that a repository could try to take back.
    putProject(
      'regions: ["*"]\nmax_lifetime: 3650d\nidle_timeout: 3650d\nfirewall: no-open\nconfirm: never\n',
    );
    const ok = ['--region', 'fsn1', '--ttl', '1h'];
    expect(await attempt(...up, '--region', 'nbg1', '--ttl', '1h')).toMatchObject(
      refusal(3, '/etc/spuff/policy.yaml:1:1: regions: nbg1'),
    );
    expect(await attempt(...up, '--region', 'fsn1,nbg1', '--ttl', '1h')).toMatchObject(
      refusal(3, 'policy.yaml:1:1: regions: nbg1'),
    );
    expect(await attempt(...up, '--region', 'fsn1', '--ttl', '9h')).toMatchObject(
      refusal(3, 'policy.yaml:2:1: max_lifetime'),
    );
    expect(await attempt(...up, '--region', 'fsn1', '--ttl', 'off')).toMatchObject(
      refusal(3, 'policy.yaml:2:1: max_lifetime'),
    );
    expect(await attempt(...up, ...ok, '--idle-timeout', 'off')).toMatchObject(
      refusal(3, 'policy.yaml:3:1: idle_timeout'),
    );
    await scene.home.ok(['config', 'set', 'firewall', 'open']);
    expect(await attempt(...up, ...ok)).toMatchObject(refusal(3, 'policy.yaml:4:1: firewall'));
    await scene.home.ok(['config', 'unset', 'firewall']);
    await scene.home.ok(['config', 'set', 'forward_agent', 'raw']);
    expect(await attempt(...up, ...ok)).toMatchObject(refusal(3, 'policy.yaml:5:1: forward_agent'));
    await scene.home.ok(['config', 'unset', 'forward_agent']);
  });

  it('an up that the repository forbids besides', async () => {
    putPolicy('regions: [fsn1, nbg1]\n');
    putProject('regions: [nbg1]\n');
    expect(await attempt(...up, '--region', 'fsn1')).toMatchObject(
      refusal(3, 'project/spuff.policy.yaml:1:1: regions: fsn1'),
    );
    expect(await attempt(...up, '--region', 'hel1')).toMatchObject(
      refusal(3, '/etc/spuff/policy.yaml:1:1: regions: hel1'),
    );
  });

  it.each([
    ['others can write to', () => chmodSync(policyPath(), 0o666), 15],
    [
      'is a link',
      () => {
        rmSync(policyPath());
        symlinkSync('/tmp/x', policyPath());
      },
      15,
    ],
    ['stands in a directory that others can write to', () => chmodSync(join(etc, 'spuff'), 0o777), 15],
    ['is no YAML', () => writeFileSync(policyPath(), 'regions: ['), 3],
    ['has a rule that nobody knows', () => writeFileSync(policyPath(), 'region: [fsn1]\n'), 3],
  ])('an up under a policy that %s: it is not passed over', async (_what, spoil, exitCode) => {
    putPolicy('regions: [fsn1]\n');
    spoil();
    expect(await attempt(...up, '--region', 'fsn1')).toMatchObject(refusal(exitCode, '/etc/spuff'));
    // What only looks, or takes away, goes on.
    expect(await spuff('ls')).toMatchObject({ exitCode: 0 });
  });
});

it('would have heard: what keeps to the policies is asked for', async () => {
  putPolicy('regions: [fsn1]\nfirewall: my-ip\n');
  const before = heard();
  const { stdout } = await spuff('up', 'x', '--dry-run', '--region', 'fsn1', '--json');
  expect(JSON.parse(stdout).plans).toMatchObject([{ region: 'fsn1' }]);
  expect(heard()).toBeGreaterThan(before);
});
