/** What a policy of the guard says in YAML, and everything that is wrong with it. */
import type { YAMLMap } from 'yaml';
import { forgeNames, forges } from '../domain/forge-keys.ts';
import { commitSigningModes, confirmModes } from '../domain/guard.ts';
import { type GuardFile, type GuardFileHost, longestLeaseMs } from '../domain/guard-policy.ts';
import { readFingerprint, readHostKey, readHostName, readLoginUser } from '../lib/guard-values.ts';
import { nearest, type Problem, showValue, textOf, type Yaml } from './yaml-document.ts';
import {
  type Reading,
  readChoice,
  readDuration,
  readFields,
  readList,
  readText,
  refuse,
} from './yaml-fields.ts';

/** The user's file adds hosts, a project's narrows what the user has. */
export type GuardFileOwner = 'user' | 'project';

const longestQuestionMs = 10 * 60_000;
export const highestRate = 600;

/** @returns what the map says, as far as it is right, and all that is not */
export function readGuardMap(
  yaml: Yaml,
  map: YAMLMap,
  owner: GuardFileOwner,
): { file: GuardFile; problems: Problem[] } {
  const reading: Reading = { yaml, problems: [] };
  const nodes = readFields(reading, map, 'setting of the guard', [
    'keys',
    'forges',
    'hosts',
    'confirm',
    'confirm_timeout',
    'lease',
    'rate',
    'commit_signing',
  ]);
  const optional = <T>(name: string, read: (node: unknown) => T | null) =>
    nodes.has(name) ? read(nodes.get(name)) : null;
  const hosts = optional('hosts', (node) => readHosts(reading, node, owner));
  const file: GuardFile = {
    keys: optional('keys', (node) => readList(reading, node, 'keys', readKeyName)),
    forges: optional('forges', (node) => readList(reading, node, 'forges', readForge)),
    hosts,
    confirm: optional('confirm', (node) => readChoice(reading, node, 'confirm', confirmModes)),
    confirmTimeoutMs: optional('confirm_timeout', (node) =>
      readDuration(reading, node, 'confirm_timeout', longestQuestionMs, '10m'),
    ),
    leaseMs: optional('lease', (node) => readDuration(reading, node, 'lease', longestLeaseMs, '8h')),
    ratePerMinute: optional('rate', (node) => readRate(reading, node)),
    commitSigning: optional('commit_signing', (node) =>
      readChoice(reading, node, 'commit_signing', commitSigningModes),
    ),
  };
  return { file, problems: reading.problems };
}

function readHosts(reading: Reading, node: unknown, owner: GuardFileOwner): GuardFileHost[] | null {
  if (!reading.yaml.isSeq(node)) return refuse(reading, node, 'hosts: expected a list of hosts');
  const hosts: GuardFileHost[] = [];
  const namesSeen = new Set<string>();
  // A key that stood for two hosts would leave open which of them a login goes to.
  const keysSeen = new Map(
    owner === 'user' ? forges.flatMap(({ name, keys }) => keys.map(({ line }) => [line, name] as const)) : [],
  );
  for (const item of node.items) {
    const host = readHost(reading, item, owner);
    if (host === null) continue;
    hosts.push(host);
    if (namesSeen.has(host.host)) refuse(reading, item, `hosts: ${showValue(host.host)} stands twice`);
    namesSeen.add(host.host);
    for (const key of host.hostKeys ?? []) {
      const other = keysSeen.get(key);
      if (other !== undefined && other !== host.host)
        refuse(reading, item, `hosts: ${showValue(host.host)} has the host key of ${other}`);
      keysSeen.set(key, host.host);
    }
  }
  return hosts;
}

function readHost(reading: Reading, node: unknown, owner: GuardFileOwner): GuardFileHost | null {
  if (!reading.yaml.isMap(node))
    return refuse(reading, node, 'hosts: expected a host with host, users and host_keys');
  const nodes = readFields(reading, node, 'setting of a host', ['host', 'users', 'host_keys']);
  if (!nodes.has('host')) return refuse(reading, node, 'hosts: host is missing');
  const hostNode = nodes.get('host');
  const host = readText(
    reading,
    hostNode,
    'host',
    'the name of a host, such as git.example.com',
    readHostName,
  );
  const users = nodes.has('users') ? readList(reading, nodes.get('users'), 'users', readUser) : null;
  const hostKeys = nodes.has('host_keys')
    ? readList(reading, nodes.get('host_keys'), 'host_keys', readKeyLine)
    : null;
  if (host === null) return null;
  if (owner === 'user' && forgeNames.includes(host)) {
    return refuse(reading, hostNode, `hosts: ${host} is built in, with its users and host keys`, [
      'choose among the built-in ones with forges',
    ]);
  }
  if (owner === 'user' && (hostKeys === null || hostKeys.length === 0)) {
    return refuse(reading, node, `hosts: ${host} has no host_keys`, [`add them: spuff guard allow ${host}`]);
  }
  return { host, users, hostKeys };
}

function readKeyName(reading: Reading, node: unknown): string | null {
  const expected = 'a fingerprint such as SHA256:… with 43 letters, or the comment of a key';
  return readText(reading, node, 'keys', expected, (text) => {
    // What looks like a fingerprint and is none would never be the comment that was meant.
    if (/^sha256:/i.test(text)) return readFingerprint(text);
    const isOther = /^(?:md5:|(?:[0-9a-f]{2}:){15}[0-9a-f]{2}$)/i.test(text);
    return isOther || text === '' || text.length > 1_024 || /\p{Cc}/u.test(text) ? null : text;
  });
}

function readForge(reading: Reading, node: unknown): string | null {
  const name = textOf(reading.yaml, node)?.toLowerCase() ?? null;
  if (name !== null && forgeNames.includes(name)) return name;
  return refuse(reading, node, `forges: there is no built-in forge ${showValue(name)}`, [
    nearest(name, forgeNames) ?? `there are: ${forgeNames.join(', ')}; others belong under hosts`,
  ]);
}

function readUser(reading: Reading, node: unknown): string | null {
  return readText(reading, node, 'users', 'a user name, such as git', readLoginUser);
}

function readKeyLine(reading: Reading, node: unknown): string | null {
  const expected =
    'a host key such as ssh-ed25519 AAAA…, of type ed25519, ecdsa, or rsa with at least 2048 bits';
  return readText(reading, node, 'host_keys', expected, (text) => readHostKey(text)?.line ?? null);
}

function readRate(reading: Reading, node: unknown): number | null {
  const expected = `a whole number of signatures a minute, from 1 to ${highestRate}`;
  return readText(reading, node, 'rate', expected, (text) => {
    const rate = /^\d{1,4}$/.test(text) ? Number(text) : 0;
    return rate >= 1 && rate <= highestRate ? rate : null;
  });
}
