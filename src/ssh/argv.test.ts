import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeInstanceKey } from '../domain/ids.ts';
import type { SshTarget } from '../domain/ssh.ts';
import {
  buildControl,
  buildCopy,
  buildDump,
  buildLogin,
  buildMaster,
  buildSession,
  buildTunnel,
  type SessionRequest,
  type SshContext,
} from './argv.ts';
import { readSshClient, type SshClient } from './client.ts';
import { optionPath } from './option-values.ts';

const key = makeInstanceKey(1_700_000_000_000, new Uint8Array(10).fill(7));
const target: SshTarget = {
  key,
  name: 'demo',
  host: '203.0.113.7',
  port: 2222,
  user: 'dev',
  publicKeyPath: null,
  identity: { phase: 'pinned', injectedPublicKey: '', publicKey: '' },
};
const client: SshClient = {
  options: ['requiredrsasize', 'gssapiauthentication', 'gssapikeyexchange'],
  kexAlgorithms: [
    'curve25519-sha256',
    'sntrup761x25519-sha512@openssh.com',
    'mlkem768x25519-sha256',
    'ecdh-sha2-nistp256',
  ],
  ciphers: ['chacha20-poly1305@openssh.com', 'aes128-ctr', 'aes256-gcm@openssh.com'],
};
const context: SshContext = {
  client,
  paths: {
    runDirectory: '/home/u/.spuff/run/k',
    controlSocket: '/home/u/.spuff/run/k/c-1',
    openingLock: '/home/u/.spuff/run/k/l-1',
    channelLock: '/home/u/.spuff/run/k/l-1-a',
    agentSocket: '/home/u/.spuff/run/k/a-1',
    knownHosts: '/home/u/.spuff/known_hosts/k',
  },
  identityFile: '/home/u/.ssh/id_ed25519',
  mayAsk: true,
};
const session: SessionRequest = {
  command: 'exec true',
  tty: 'no',
  shared: true,
  forwardAgent: 'no',
  sshArgs: [],
  logPath: '/home/u/.spuff/run/k/log-1',
};

const tunnel = { controlSocket: '/home/u/.spuff/run/k/t-00123456', logPath: '/log', command: 'exec watch' };

let folder = '';
let hostile = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff argv-'));
  hostile = join(folder, 'config');
  writeFileSync(hostile, hostileConfig, { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Everything that a careless or copied configuration could do to our logins. */
const hostileConfig = `Host *
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /etc/hosts
  HostKeyAlias localhost
  NoHostAuthenticationForLocalhost yes
  VerifyHostKeyDNS yes
  UpdateHostKeys yes
  HostKeyAlgorithms +ssh-rsa
  KexAlgorithms diffie-hellman-group1-sha1
  Ciphers aes128-cbc
  PasswordAuthentication yes
  KbdInteractiveAuthentication yes
  HostbasedAuthentication yes
  PubkeyAuthentication no
  PreferredAuthentications password
  ForwardAgent yes
  ForwardX11 yes
  ForwardX11Trusted yes
  GatewayPorts yes
  Tunnel yes
  PermitLocalCommand yes
  LocalCommand touch /tmp/owned
  RemoteCommand owned
  ControlMaster auto
  ControlPath /tmp/owned-%h
  ControlPersist yes
  CanonicalizeHostname always
  SessionType none
  StdinNull yes
  ForkAfterAuthentication yes
  RequestTTY force
  LogLevel QUIET
  HostName owned.example
  User owned
  Port 1
  ServerAliveInterval 0
  LocalForward 9999 localhost:9999
  RemoteForward 9998 localhost:9998
`;

/** What ssh would really do: `-G` resolves the command line against a configuration and connects to nothing. */
function resolve(argv: readonly string[], config: string): Map<string, string> {
  const [, ...args] = argv;
  const log = args.indexOf('-E');
  if (log !== -1) args.splice(log, 2);
  const text = execFileSync('ssh', ['-F', config, '-G', ...args], { encoding: 'utf8' });
  return new Map(text.split('\n').map((line) => line.split(/ (.*)/s) as [string, string]));
}

describe('the command lines', () => {
  it('are these', () => {
    expect(buildMaster(target, context, '/log').join(' ')).toMatchSnapshot();
    expect(buildLogin(target, context, 'exec true', '/log').join(' ')).toMatchSnapshot();
    expect(buildTunnel(target, context, tunnel).join(' ')).toMatchSnapshot();
    expect(buildSession(target, context, session).join(' ')).toMatchSnapshot();
    expect(
      buildSession(target, context, {
        ...session,
        command: null,
        tty: 'force',
        shared: false,
        forwardAgent: 'yes',
      }).join(' '),
    ).toMatchSnapshot();
    const request = { sources: ['./a'], destination: `spuff-${key}:b`, recursive: true };
    expect(buildCopy(target, context, request).join(' ')).toMatchSnapshot();
    const { controlSocket, agentSocket } = context.paths;
    expect(buildControl({ key }, controlSocket, { operation: 'exit' }).join(' ')).toMatchSnapshot();
    const forward = { operation: 'forward', local: agentSocket, remote: '/run/x.sock' } as const;
    expect(buildControl({ key }, controlSocket, forward).join(' ')).toMatchSnapshot();
  });

  it('offer only what this ssh knows, post-quantum exchange first', () => {
    const all = buildDump(target, context).join(' ');
    const kex = /KexAlgorithms=(\S+)/.exec(all)?.[1]?.split(',');
    expect(kex).toEqual(['mlkem768x25519-sha256', 'sntrup761x25519-sha512@openssh.com', 'curve25519-sha256']);
    expect(all).toContain('Ciphers=aes256-gcm@openssh.com,chacha20-poly1305@openssh.com ');
    const bare = buildDump(target, {
      ...context,
      client: { options: [], kexAlgorithms: [], ciphers: [] },
    }).join(' ');
    expect(bare).not.toMatch(/KexAlgorithms|Ciphers|GSSAPI|RequiredRSASize/);
  });

  it('may ask for a passphrase unless told not to', () => {
    expect(buildDump(target, context).join(' ')).not.toContain('BatchMode');
    expect(buildDump(target, { ...context, mayAsk: false }).join(' ')).toContain('-o BatchMode=yes');
  });

  it('never lend the agent over the shared connection', () => {
    expect(() => buildSession(target, context, { ...session, forwardAgent: 'yes' })).toThrow(
      expect.objectContaining({ code: 'internal' }),
    );
  });
});

describe('against a hostile configuration', () => {
  const builders: ReadonlyArray<readonly [string, (context: SshContext) => string[]]> = [
    ['first login', (real) => buildLogin(target, real, 'exec true', '/log')],
    ['shared connection', (real) => buildMaster(target, real, '/log')],
    ['tunnel', (real) => buildTunnel(target, real, tunnel)],
    ['shared session', (real) => buildSession(target, real, session)],
    ['own session', (real) => buildSession(target, real, { ...session, shared: false })],
  ];

  it.each(builders)('%s keeps every option that decides on trust', async (_, build) => {
    const real = { ...context, client: await readSshClient(folder) };
    const options = resolve(build(real), hostile);
    const expected = {
      stricthostkeychecking: 'true',
      userknownhostsfile: '/home/u/.spuff/known_hosts/k',
      globalknownhostsfile: '/dev/null',
      hostkeyalias: `spuff-${key}`,
      nohostauthenticationforlocalhost: 'no',
      verifyhostkeydns: 'false',
      updatehostkeys: 'false',
      hostkeyalgorithms: 'ssh-ed25519',
      passwordauthentication: 'no',
      kbdinteractiveauthentication: 'no',
      hostbasedauthentication: 'no',
      pubkeyauthentication: 'true',
      preferredauthentications: 'publickey',
      forwardagent: 'no',
      forwardx11: 'no',
      gatewayports: 'no',
      tunnel: 'false',
      permitlocalcommand: 'no',
      canonicalizehostname: 'false',
      hostname: '203.0.113.7',
      user: 'dev',
      port: '2222',
      stdinnull: 'no',
      forkafterauthentication: 'no',
      requesttty: 'false',
      clearallforwardings: 'yes',
      identitiesonly: 'yes',
    };
    const actual = Object.fromEntries(Object.keys(expected).map((name) => [name, options.get(name)]));
    expect(actual).toEqual(expected);
    expect(options.get('kexalgorithms')).toMatch(/^(?:mlkem768|sntrup761)x25519/);
    expect(options.get('ciphers')).toMatch(/^(?:aes256-gcm|chacha20-poly1305)@openssh.com/);
    expect(options.has('remotecommand')).toBe(false);
    expect(options.get('loglevel')).toMatch(/^(?:ERROR|INFO|DEBUG2)$/);
  });

  it('the options are what resists it: without them the configuration wins', () => {
    const options = resolve(['ssh', 'x'], hostile);
    expect(options.get('stricthostkeychecking')).toBe('false');
    expect(options.get('forwardagent')).toBe('yes');
  });

  it("what is the user's own stays: a way through another host, an agent of their own", async () => {
    const config = join(folder, 'own');
    writeFileSync(config, 'Host spuff-*\n  ProxyJump bastion.example\n  IdentityAgent /run/agent.sock\n', {
      mode: 0o600,
    });
    const real = { ...context, client: await readSshClient(folder) };
    const options = resolve(buildMaster(target, real, '/log'), config);
    expect(options.get('proxyjump')).toBe('bastion.example');
    expect(options.get('identityagent')).toBe('/run/agent.sock');
  });
});

describe('hostile names', () => {
  it.each([
    '/tmp/a b',
    '/tmp/"quoted"',
    "/tmp/it's",
    '/tmp/50%h',
    '/tmp/back\\slash',
    '/tmp/ü',
    '/tmp/#x',
    '/tmp/a=b',
    '/tmp/$HOME',
  ])('ssh reads the path %j back unchanged', async (path) => {
    const real = { ...context, client: await readSshClient(folder) };
    const paths = { ...context.paths, knownHosts: path };
    const options = resolve(
      buildDump(target, { ...real, paths, identityFile: path }).filter((arg) => arg !== '-G'),
      'none',
    );
    expect(options.get('userknownhostsfile')).toBe(path);
    expect(options.get('identityfile')?.replaceAll('%%', '%')).toBe(path);
  });

  it.each(['/tmp/${HOME}', '/tmp/a\nProxyCommand=x', '/tmp/\u0000'])('the path %j is refused', (path) => {
    expect(() => optionPath(path)).toThrow(expect.objectContaining({ code: 'config' }));
  });

  it.each([
    { host: '-oProxyCommand=touch /tmp/owned' },
    { host: 'a b' },
    { host: '$(x)' },
    { host: '%h' },
    { host: '' },
    { port: 0 },
    { port: 65_536 },
    { port: 1.5 },
    { user: '-l' },
    { user: 'a b' },
    { user: 'root;x' },
  ])('%j is refused', (wrong) => {
    expect(() => buildDump({ ...target, ...wrong }, context)).toThrow(/not a/);
  });

  it.each(['203.0.113.7', '2001:db8::1', '::1', 'fe80::1%eth0', 'vm-1.example.com'])(
    'the address %s reaches ssh',
    async (host) => {
      const real = { ...context, client: await readSshClient(folder) };
      const argv = buildDump({ ...target, host }, real).filter((arg) => arg !== '-G');
      expect(resolve(argv, 'none').get('hostname')).toBe(host);
    },
  );

  it("sessions take options of the user's, after ours and before the name", () => {
    const argv = buildSession(target, context, {
      ...session,
      shared: false,
      sshArgs: ['-L', '8080:localhost:8080'],
    });
    expect(argv.slice(argv.indexOf('-L'))).toEqual([
      '-L',
      '8080:localhost:8080',
      `spuff-${key}`,
      'exec true',
    ]);
    expect(argv.join(' ')).not.toContain('ClearAllForwardings');
  });
});
