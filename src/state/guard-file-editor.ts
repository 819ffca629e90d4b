/** Changes to the user's policy of the guard, for the commands. */
import { dirname } from 'node:path';
import type { Document, YAMLMap, YAMLSeq } from 'yaml';
import { forgeNames } from '../domain/forge-keys.ts';
import type { GuardFileStore } from '../domain/guard-policy.ts';
import { makePrivateDirectory, readPrivateFile, writeFileAtomically } from '../lib/atomic-file.ts';
import { withFileLock } from './file-lock.ts';
import { guardFilePath } from './guard-files.ts';
import { type GuardYaml, parseUserFile } from './guard-yaml.ts';
import { guardHome } from './home.ts';
import { maxConfigBytes } from './settings.ts';
import { renderMap, type Yaml } from './yaml-document.ts';

/** Loads the YAML library: to read the policy, `readGuardPolicy` is quicker where there is none. */
export async function openGuardFile(home: string): Promise<GuardFileStore> {
  const yaml = await import('yaml');
  const path = guardFilePath(home);
  const change = <T>(work: (document: GuardYaml) => T) => edit(yaml, path, work);
  return {
    path,
    read: () => parseUserFile(yaml, readPrivateFile(path, maxConfigBytes) ?? '', path).file,
    allowHost: (host, users, hostKeys) =>
      change(({ document }) => addHost(yaml, document, host, users, hostKeys)),
    allowForge: (name) => change((config) => addForge(config, name)),
    removeHost: (host) => change((config) => removeHost(yaml, config, host)),
    setCommitSigning: (mode) => change(({ document }) => document.set('commit_signing', mode)),
  };
}

/** Reads, changes and replaces the file while nobody else does. What was changed must be right, or nothing is written. */
function edit<T>(yaml: Yaml, path: string, change: (config: GuardYaml) => T): T {
  const home = dirname(path);
  guardHome({ home });
  makePrivateDirectory(home);
  return withFileLock(path, () => {
    const before = readPrivateFile(path, maxConfigBytes) ?? '';
    const config = parseUserFile(yaml, before, path);
    const result = change(config);
    const text = renderMap(config.document);
    parseUserFile(yaml, text, path);
    if (text !== before) writeFileAtomically(path, text);
    return result;
  });
}

function addHost(
  yaml: Yaml,
  document: Document & { contents: YAMLMap },
  host: string,
  users: readonly string[],
  hostKeys: readonly string[],
): void {
  const hosts = sequenceIn(yaml, document, document.contents, 'hosts');
  const entry = findHost(yaml, hosts, host);
  if (!entry) {
    hosts.add(document.createNode({ host, users, host_keys: hostKeys }));
    return;
  }
  // Users that are not written are the default, and stay.
  if (!entry.has('users')) entry.set('users', document.createNode(['git']));
  addMissing(sequenceIn(yaml, document, entry, 'users'), users);
  addMissing(sequenceIn(yaml, document, entry, 'host_keys'), hostKeys, (text) =>
    text.split(/\s+/, 2).join(' '),
  );
}

function addForge({ document, file }: GuardYaml, name: string): boolean {
  if (file.forges === null || file.forges.includes(name)) return false;
  (document.get('forges') as YAMLSeq).add(name);
  return true;
}

function removeHost(yaml: Yaml, { document, file }: GuardYaml, host: string): boolean {
  if (forgeNames.includes(host)) {
    const allowed = file.forges ?? forgeNames;
    if (!allowed.includes(host)) return false;
    if (file.forges === null) {
      document.set(
        'forges',
        document.createNode(
          forgeNames.filter((name) => name !== host),
          { flow: true },
        ),
      );
    } else removeItems(document.get('forges') as YAMLSeq, (item) => lowerTextOf(yaml, item) === host);
    return true;
  }
  const hosts = document.get('hosts');
  return yaml.isSeq(hosts) && removeItems(hosts, (item) => isHost(yaml, item, host));
}

function sequenceIn(yaml: Yaml, document: Document, map: YAMLMap, key: string): YAMLSeq {
  const found = map.get(key);
  if (yaml.isSeq(found)) {
    // One that was emptied was written as [].
    if (found.items.length === 0) found.flow = false;
    return found;
  }
  const made = new yaml.YAMLSeq(document.schema);
  map.set(key, made);
  return made;
}

function findHost(yaml: Yaml, hosts: YAMLSeq, host: string): YAMLMap | null {
  return (hosts.items.find((item) => isHost(yaml, item, host)) as YAMLMap | undefined) ?? null;
}

function isHost(yaml: Yaml, item: unknown, host: string): boolean {
  return yaml.isMap(item) && lowerTextOf(yaml, item.get('host', true)) === host;
}

function addMissing(list: YAMLSeq, texts: readonly string[], normalize = (text: string) => text): void {
  const there = new Set((list.toJSON() as unknown[]).map((item) => normalize(String(item))));
  for (const text of texts) if (!there.has(normalize(text))) list.add(text);
}

function removeItems(list: YAMLSeq, isMeant: (item: unknown) => boolean): boolean {
  const kept = list.items.filter((item) => !isMeant(item));
  if (kept.length === list.items.length) return false;
  list.items = kept;
  return true;
}

function lowerTextOf(yaml: Yaml, node: unknown): string | null {
  return yaml.isScalar(node) ? String(node.value).toLowerCase() : null;
}
