import draft04 from 'ajv-draft-04';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serializeCloudConfig } from '../../src/bootstrap/cloud-config.ts';
import { firstBootReportPath, firstBootScriptPath } from '../../src/bootstrap/hardening-scripts.ts';
import { sshdDropInPath } from '../../src/bootstrap/hardening-ssh.ts';
import { buildUserData, cloudConfigFor } from '../../src/bootstrap/user-data.ts';
import { type BootMachine, BootScene, type KeyPair, makeUserDataInput } from './boot-machine.ts';

const scene = new BootScene();
let login: KeyPair;
let machine: BootMachine;

beforeAll(async () => {
  login = await scene.makeLoginKey('login');
  machine = await scene.boot(login);
});
afterAll(() => scene.remove());

describe('a first boot', () => {
  it('ends without a failed unit, and cloud-init without an error', async () => {
    expect(await machine.ok(['systemctl', 'is-system-running'])).toBe('running\n');
    expect(await machine.ok(['systemctl', 'list-units', '--failed', '--no-legend'])).toBe('');
    expect(await machine.ok(['cloud-init', 'status'])).toBe('status: done\n');
    expect(JSON.parse(await machine.ok(['cat', '/run/cloud-init/result.json'])).v1.errors).toEqual([]);
    expect(await machine.ok(['cat', firstBootReportPath])).toBe('ok\n');
    // Its log would also tell of a configuration in the image that breaks its schema.
    const complaints = await machine.run([
      'grep',
      '-E',
      '\\[(WARNING|ERROR|CRITICAL)\\]',
      '/var/log/cloud-init.log',
    ]);
    expect(complaints).toMatchObject({ stdout: '', exitCode: 1 });
  });

  it('starts sshd once, after the firewall is closed, and lets cloud-init restart nothing', async () => {
    const journal = await machine.ok(['journalctl', '-b', '-o', 'cat', '--no-pager', '_PID=1']);
    const ends = journal
      .split('\n')
      .filter((line) => /^(?:Finished spuff-(?:firewall|first-boot)|Started ssh)\.service/.test(line));
    expect(ends.map((line) => line.split(' ')[1])).toEqual([
      'spuff-firewall.service',
      'spuff-first-boot.service',
      'ssh.service',
    ]);
  });

  it.each([
    ['/etc/ssh/sshd_config.d/10-spuff.conf', '644 root:root'],
    ['/etc/ssh/sshd_config.d/50-cloud-init.conf', '600 root:root'],
    ['/etc/spuff/firewall.nft', '644 root:root'],
    ['/etc/spuff/instance.json', '644 root:root'],
    ['/etc/spuff/agent.env', '600 root:root'],
    ['/etc/systemd/system/spuff-firewall.service', '644 root:root'],
    ['/etc/tmpfiles.d/spuff.conf', '644 root:root'],
    ['/usr/lib/spuff/first-boot', '755 root:root'],
    ['/run/spuff', '755 root:root'],
    ['/home/dev/.ssh/authorized_keys', '600 dev:dev'],
  ])('leaves %s with %s', async (path, modeAndOwner) => {
    expect(await machine.ok(['stat', '-c', '%a %U:%G', path])).toBe(`${modeAndOwner}\n`);
  });

  it('names the machine after the instance, and sudo finds the name', async () => {
    expect(await machine.ok(['hostname'])).toBe('demo\n');
    expect(await machine.run(['sudo', '-n', 'true'], { user: 'dev' })).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    expect(JSON.parse(await machine.ok(['cat', '/etc/spuff/instance.json']))).toMatchObject({
      name: 'demo',
      user: 'dev',
    });
  });

  it('does it all again without harm', async () => {
    expect(await machine.run([firstBootScriptPath])).toMatchObject({ exitCode: 0 });
    expect(await machine.ok(['cat', firstBootReportPath])).toBe('ok\n');
    expect(await machine.ssh('dev', ['true'])).toMatchObject({ exitCode: 0 });
  });
});

describe('user data', () => {
  const files = () => [
    buildUserData(makeUserDataInput(login)),
    buildUserData(makeUserDataInput(login, { user: 'ana_b-1', hostName: 'x' })),
  ];

  it('is valid for the cloud-init on the machine', async () => {
    for (const document of files()) {
      const check = await machine.run(['cloud-init', 'schema', '--config-file', '/dev/stdin'], {
        stdin: document,
      });
      expect(check).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Valid cloud-config') });
    }
  });

  it('is valid by the schema that cloud-init publishes, and has no key that it does not name', async () => {
    const folder = '/usr/lib/python3/dist-packages/cloudinit/config/schemas';
    const schema = JSON.parse(await machine.ok(['cat', `${folder}/schema-cloud-config-v1.json`]));
    const Ajv = draft04.default;
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema);
    const named = JSON.stringify(schema);
    // ssh_keys is closed by a pattern, so validation itself finds a misspelt one there.
    const open = ['content', 'ssh_keys'];
    const unknownKeys = (config: object) =>
      JSON.stringify(config, (key, value) => (open.includes(key) ? '' : value))
        .match(/"[a-z_0-9]+"(?=:)/g)!
        .filter((key) => !named.includes(`${key}:{`));
    const config = cloudConfigFor(makeUserDataInput(login));
    expect(validate(config) || validate.errors).toBe(true);
    expect(unknownKeys(config)).toEqual([]);
    // The schema lets a misspelt key pass; the look for unknown keys does not.
    expect(validate({ packges: ['nftables'] })).toBe(true);
    expect(unknownKeys({ packges: ['nftables'], users: [{ lock_password: true }] })).toEqual([
      '"packges"',
      '"lock_password"',
    ]);
    expect(validate({ ssh_keys: { ed25519_privat: 'x' } })).toBe(false);
    expect(validate({ ssh_pwauth: ['no'] })).toBe(false);
  });

  it('is read by PyYAML as the data that was written, whatever characters are in it', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.string({
        unit: fc.constantFrom(...'\\\'"`$(){}[]:#&*!|>%@-?, ~\t\n\r\0\u0085\u2028\ufeff\uffffé\u{1f600}n'),
        maxLength: 30,
      }),
      fc.constantFrom(
        'yes',
        'no',
        'null',
        '~',
        '017',
        '1e3',
        '1:30',
        '=',
        '<<',
        '.inf',
        '2026-11-23',
        '{{ v }}',
      ),
    );
    const value = fc.oneof(text, fc.boolean(), fc.maxSafeInteger(), fc.array(text, { maxLength: 3 }));
    const document = fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), value, {
      maxKeys: 4,
      noNullPrototype: true,
    });
    const samples = fc.sample(document, 1_500);
    const reader = [
      'import json, sys, yaml',
      'for text in sys.stdin.buffer.read().decode().split(chr(0))[:-1]:',
      '    print(json.dumps(yaml.safe_load(text)))',
    ].join('\n');
    const stdin = samples.map((sample) => `${serializeCloudConfig(sample)}\0`).join('');
    const lines = (await machine.ok(['python3', '-c', reader], { stdin })).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(samples);
  });
});

describe('an sshd that refuses a setting', () => {
  const report = () => machine.ok(['cat', firstBootReportPath]);
  const plant = async (line: string) => {
    await machine.ok(['sh', '-c', 'printf "%s\\n" "$1" >>"$2"', 'sh', line, sshdDropInPath]);
    return machine.run([firstBootScriptPath]);
  };

  it('loses the algorithms first, and keeps who may log in and how', async () => {
    await machine.ok(['cp', sshdDropInPath, '/root/good.conf']);
    expect(await plant('KexAlgorithms mlkem1024nistp384-sha384@example.org')).toMatchObject({ exitCode: 1 });
    expect(await report()).toMatch(/^sshd refuses the algorithms in \S+; its defaults are used\n$/);
    const settings = await machine.ok(['sshd', '-T']);
    for (const line of ['allowusers dev', 'permitrootlogin no', 'authenticationmethods publickey'])
      expect(settings).toContain(line);
    expect(await machine.ssh('dev', ['true'])).toMatchObject({ exitCode: 0 });
  });

  it('runs without the file when that does not help, still without passwords, and nobody is locked out', async () => {
    expect(await plant('NoSuchSetting yes')).toMatchObject({ exitCode: 1 });
    expect(await report()).toMatch(/^sshd refuses \S+; it runs without it\n$/);
    expect(await machine.ok(['sshd', '-T'])).toContain('passwordauthentication no');
    expect(await machine.ssh('dev', ['true'])).toMatchObject({ exitCode: 0 });
    await machine.ok(['mv', '/root/good.conf', sshdDropInPath]);
    expect(await machine.run([firstBootScriptPath])).toMatchObject({ exitCode: 0 });
  });
});

describe('an image without nftables', () => {
  // In place of the one that would fetch it: notes how it was called, and brings what the test has hidden.
  const aptGet = `#!/bin/sh
echo "$* ssh:$(systemctl is-active ssh.service)" >>/var/tmp/apt-calls
case $* in *' install '*) [ ! -e /opt/nft ] || mv /opt/nft /usr/sbin/nft ;; esac
`;
  const bootWithout = async (hidden: string) => {
    const first = await scene.boot(login);
    await first.ok(['sh', '-c', 'cat >/usr/local/sbin/apt-get; chmod +x /usr/local/sbin/apt-get'], {
      stdin: aptGet,
    });
    await first.ok(['mv', '/usr/sbin/nft', hidden]);
    return await scene.boot(login, { image: await scene.snapshot(first) });
  };

  it('gets it before anyone may log in, and the firewall is closed', async () => {
    const bare = await bootWithout('/opt/nft');
    expect(await bare.ok(['cat', firstBootReportPath])).toBe('ok\n');
    expect(await bare.ok(['nft', 'list', 'chain', 'inet', 'spuff', 'inbound'])).toContain('policy drop');
    const calls = (await bare.ok(['cat', '/var/tmp/apt-calls'])).trim().split('\n');
    expect(calls).toEqual([
      expect.stringMatching(/ update ssh:inactive$/),
      expect.stringMatching(/ install .* nftables ssh:inactive$/),
    ]);
    expect(await bare.ssh('dev', ['true'])).toMatchObject({ exitCode: 0 });
  });

  it('and without a way to get it is not silent', async () => {
    const bare = await bootWithout('/opt/elsewhere');
    expect(await bare.ok(['cat', firstBootReportPath])).toBe(
      'there is no nftables: the image lacks it and it could not be installed\nthe firewall did not load\n',
    );
    expect(await bare.ok(['systemctl', 'list-units', '--failed', '--plain', '--no-legend'])).toContain(
      'spuff-firewall.service',
    );
  });
});
