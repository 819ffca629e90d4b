/** The first-boot document of a machine. See docs/first-boot.md for every file in it and the reason for it. */
import { agentEnvironmentPath, renderAgentEnvironment } from '../domain/agent-config.ts';
import { SpuffError } from '../domain/errors.ts';
import { isInstanceKey } from '../domain/ids.ts';
import { checkInstanceName, checkUserName } from '../domain/names.ts';
import type { Secret } from '../domain/secret.ts';
import { type CloudConfig, type CloudConfigFile, serializeCloudConfig } from './cloud-config.ts';
import {
  firewallRules,
  firewallRulesPath,
  firewallUnitPath,
  firewallUnitText,
} from './hardening-firewall.ts';
import { kernelFiles } from './hardening-kernel.ts';
import {
  firstBootScript,
  firstBootScriptPath,
  restoreScript,
  tmpfiles,
  tmpfilesPath,
} from './hardening-scripts.ts';
import { passwordDropIn, passwordDropInPath, sshdDropIn, sshdDropInPath } from './hardening-ssh.ts';

export interface UserDataInput {
  /** The login user. */
  user: string;
  /** The instance's name: the machine's host name. */
  hostName: string;
  key: string;
  /** OpenSSH one-line public keys, without options. Their comments stay here. */
  sshPublicKeys: readonly string[];
  /** The one-time host key: it proves the machine at first contact and is revoked right after. */
  injectedHostKey: { publicKey: string; privateKey: Secret };
  /** 64 lower-case hex digits. */
  agentTokenSha256: string;
  /** The provider's limit, before any encoding of its own. */
  maxUserDataBytes: number;
}

const instanceFilePath = '/etc/spuff/instance.json';

/**
 * @returns the whole document, ASCII, for any image with cloud-init 22.4 or newer, systemd and sshd
 * @throws SpuffError `usage` | `config` for a name, user or key that can't be used, `config` naming the largest parts
 *   when it is over the provider's limit, `internal` for a malformed host key, instance key or hash
 */
export function buildUserData(input: UserDataInput): string {
  const config = cloudConfigFor(input);
  const document = serializeCloudConfig(config);
  const bytes = Buffer.byteLength(document);
  if (bytes > input.maxUserDataBytes) throw tooLarge(config, bytes, input.maxUserDataBytes);
  return document;
}

/** The document as data; `buildUserData` is this and its serialisation. */
export function cloudConfigFor(input: UserDataInput): CloudConfig {
  const user = checkUserName(input.user);
  return {
    hostname: checkInstanceName(input.hostName),
    manage_etc_hosts: 'localhost',
    disable_root: true,
    ssh_pwauth: false,
    ssh_deletekeys: true,
    ssh_keys: checkHostKey(input.injectedHostKey),
    ssh_genkeytypes: ['ed25519'],
    ssh_publish_hostkeys: { enabled: false },
    ssh: { emit_keys_to_console: false },
    no_ssh_fingerprints: true,
    allow_public_ssh_keys: false,
    users: [
      {
        name: user,
        gecos: 'spuff',
        shell: '/bin/bash',
        lock_passwd: true,
        sudo: 'ALL=(ALL) NOPASSWD:ALL',
        ssh_authorized_keys: checkLoginKeys(input.sshPublicKeys),
      },
    ],
    bootcmd: [['cloud-init-per', 'instance', 'spuff_restore', '/bin/sh', '-c', restoreScript]],
    write_files: filesFor(input, user),
  };
}

function filesFor(input: UserDataInput, user: string): CloudConfigFile[] {
  if (!isInstanceKey(input.key)) throw malformed('instance key');
  if (!/^[0-9a-f]{64}$/.test(input.agentTokenSha256)) throw malformed('agent token hash');
  const instance = { key: input.key, name: input.hostName, user };
  return [
    { path: sshdDropInPath, content: sshdDropIn(user), permissions: '0644' },
    { path: passwordDropInPath, content: passwordDropIn, permissions: '0600' },
    { path: firewallRulesPath, content: firewallRules, permissions: '0644' },
    { path: firewallUnitPath, content: firewallUnitText, permissions: '0644' },
    ...kernelFiles,
    { path: tmpfilesPath, content: tmpfiles(user), permissions: '0644' },
    { path: firstBootScriptPath, content: firstBootScript, permissions: '0755' },
    { path: instanceFilePath, content: `${JSON.stringify(instance)}\n`, permissions: '0644' },
    {
      path: agentEnvironmentPath,
      content: renderAgentEnvironment(input.agentTokenSha256),
      permissions: '0600',
    },
  ];
}

const keyPattern =
  /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) ([A-Za-z0-9+/]+={0,2})(?: [^\r\n]*)?$/;

/** The algorithm and the blob of a public key, without its comment; null for anything that is not one public key. */
function publicKeyWithoutComment(line: string): string | null {
  const [, algorithm, blob] = keyPattern.exec(line.trim()) ?? [];
  if (algorithm === undefined || blob === undefined) return null;
  // RFC 4253 6.6: the blob begins with its own algorithm as a string with a 4-byte length.
  const bytes = Buffer.from(blob, 'base64');
  const named = Buffer.concat([Buffer.from([0, 0, 0, algorithm.length]), Buffer.from(algorithm)]);
  return bytes.subarray(0, named.length).equals(named) ? `${algorithm} ${blob}` : null;
}

function checkLoginKeys(lines: readonly string[]): string[] {
  const keys = new Set<string>();
  for (const line of lines) {
    const key = publicKeyWithoutComment(line);
    if (key === null) {
      throw new SpuffError('config', `${JSON.stringify(line.slice(0, 60))} is not an SSH public key`, {
        hints: [
          'name a .pub file of one line that begins with the algorithm: spuff config set ssh_key ~/.ssh/id_ed25519.pub',
        ],
      });
    }
    keys.add(key);
  }
  if (keys.size > 0) return [...keys];
  throw new SpuffError('config', 'there is no SSH public key to log in with', {
    hints: ['make one with ssh-keygen -t ed25519, or name one: spuff config set ssh_key PATH'],
  });
}

function checkHostKey({ publicKey, privateKey }: UserDataInput['injectedHostKey']): CloudConfig['ssh_keys'] {
  const pem = privateKey.reveal();
  const isPem =
    /^-----BEGIN OPENSSH PRIVATE KEY-----\n(?:[A-Za-z0-9+/=]+\n)+-----END OPENSSH PRIVATE KEY-----\n$/;
  const key = publicKeyWithoutComment(publicKey);
  if (!isPem.test(pem) || !key?.startsWith('ssh-ed25519 ')) throw malformed('one-time host key');
  return { ed25519_private: pem, ed25519_public: key };
}

function malformed(what: string): SpuffError {
  return new SpuffError('internal', `the ${what} for the user data is malformed`);
}

function tooLarge(config: CloudConfig, bytes: number, maxBytes: number): SpuffError {
  const parts = [
    { what: `${config.users[0]?.ssh_authorized_keys.length ?? 0} SSH public keys`, value: config.users },
    { what: 'the files of the first boot', value: config.write_files },
    { what: 'the boot command', value: config.bootcmd },
    { what: 'the one-time host key', value: config.ssh_keys },
  ]
    .map(({ what, value }) => ({ what, bytes: Buffer.byteLength(JSON.stringify(value)) }))
    .sort((a, b) => b.bytes - a.bytes);
  const sizes = parts.map((part) => `${part.what}: ${part.bytes}`).join(', ');
  return new SpuffError(
    'config',
    `the user data has ${bytes} bytes, the provider takes ${maxBytes}. In bytes: ${sizes}`,
    { hints: ['log in with one key in place of all keys of your ssh-agent: spuff config set ssh_key PATH'] },
  );
}
