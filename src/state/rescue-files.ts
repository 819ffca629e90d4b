/** The rescues in the home: a folder for each, with one encrypted file and a few words about it that tell nothing of the work. */
import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../domain/errors.ts';
import { isInstanceKey } from '../domain/ids.ts';
import { isInstanceName } from '../domain/names.ts';
import type { Runtime } from '../domain/provider.ts';
import type { NewRescue, Rescue, RescueStore, RescueWriter } from '../domain/rescue.ts';
import {
  makePrivateDirectory,
  readPrivateFile,
  syncDirectory,
  toFileError,
  writeFileAtomically,
} from '../lib/atomic-file.ts';
import { makeRandomName } from '../lib/random-name.ts';
import type { HomePaths } from './home.ts';
import { addRecipients } from './rescue-keys.ts';
import { unpackRescue } from './unpack-rescue.ts';

const archiveName = 'work.tar.age';
const aboutName = 'about.json';
const partialPrefix = '.partial-';
/** No rescue takes so long: what is older was left by a process that was killed. */
const oldestPartialMs = 24 * 3_600_000;

export function openRescueStore(paths: HomePaths, runtime: Pick<Runtime, 'now'>): RescueStore {
  return {
    checkRecipients: async (recipients) => {
      const age = await import('age-encryption');
      await addRecipients(new age.Encrypter(), recipients, { age, paths });
    },
    begin: (rescue) => beginRescue(paths, runtime, rescue),
    list: () => listRescues(paths),
    unpack: (rescue, options) => unpackRescue(paths, rescue, options),
    remove: ({ path }) => removeFolder(join(path, '..')),
  };
}

async function beginRescue(
  paths: HomePaths,
  runtime: Pick<Runtime, 'now'>,
  rescue: NewRescue,
): Promise<RescueWriter> {
  const age = await import('age-encryption');
  const encrypter = new age.Encrypter();
  const recipients = await addRecipients(encrypter, rescue.recipients, { age, paths });
  makePrivateDirectory(paths.home);
  makePrivateDirectory(paths.rescued);
  removeOldPartials(paths, runtime.now());
  const folder = join(paths.rescued, `${partialPrefix}${makeRandomName()}`);
  makePrivateDirectory(folder);
  const file = await openEncrypted(encrypter, join(folder, archiveName));
  const discard = async () => {
    await file.abandon();
    removeFolder(folder);
  };
  return {
    write: file.write,
    discard,
    keep: async (complete) => {
      try {
        const bytes = await file.finish();
        const createdAt = new Date(Math.floor(runtime.now() / 1_000) * 1_000);
        const about = { ...rescue, recipients, complete, createdAt: createdAt.toISOString() };
        writeFileAtomically(join(folder, aboutName), `${JSON.stringify({ version: 1, ...about })}\n`);
        const name = giveName(paths, folder, rescue.instanceName, createdAt);
        const { instanceName, instanceKey, provider } = rescue;
        const path = join(paths.rescued, name, archiveName);
        return { name, instanceName, instanceKey, provider, createdAt, bytes, complete, recipients, path };
      } catch (error) {
        await discard();
        throw error;
      }
    },
  };
}

interface EncryptedFile {
  write(chunk: Uint8Array): Promise<void>;
  /** Gives its bytes once all of them are on the disk. */
  finish(): Promise<number>;
  abandon(): Promise<void>;
}

/** What is written goes through age chunk by chunk, and lies nowhere else. */
async function openEncrypted(
  encrypter: InstanceType<typeof import('age-encryption').Encrypter>,
  path: string,
): Promise<EncryptedFile> {
  const plain = new TransformStream<Uint8Array, Uint8Array>();
  const input = plain.writable.getWriter();
  const fd = openSync(path, 'wx', 0o600);
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  const encrypted = await encrypter.encrypt(plain.readable);
  const storing = (async () => {
    let bytes = 0;
    for await (const chunk of encrypted) {
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
      bytes += chunk.length;
    }
    fsyncSync(fd);
    return bytes;
  })().catch(async (error: unknown) => {
    const told = toFileError(error, `write ${path}`);
    await input.abort(told).catch(() => undefined);
    throw told;
  });
  // Whoever writes or finishes is told.
  storing.catch(() => undefined);
  return {
    write: async (chunk) => {
      await Promise.race([input.ready.then(() => input.write(chunk)), storing]);
    },
    finish: async () => {
      await Promise.race([input.close(), storing]);
      const bytes = await storing;
      close();
      return bytes;
    },
    abandon: async () => {
      await input.abort(new Error('given up')).catch(() => undefined);
      await storing.catch(() => undefined);
      close();
    },
  };
}

function giveName(paths: HomePaths, folder: string, instanceName: string, at: Date): string {
  const time = at
    .toISOString()
    .replaceAll(/[-:]|\.\d+Z$/g, '')
    .replace('T', '-');
  for (let nth = 1; ; nth++) {
    const name = nth === 1 ? `${instanceName}-${time}` : `${instanceName}-${time}-${nth}`;
    const target = join(paths.rescued, name);
    if (lstatSync(target, { throwIfNoEntry: false })) continue;
    try {
      renameSync(folder, target);
      syncDirectory(paths.rescued);
      return name;
    } catch (error) {
      // Another spuff may have taken the name just now.
      if (!['ENOTEMPTY', 'EEXIST'].includes(systemErrorCode(error) ?? ''))
        throw toFileError(error, `write ${target}`);
    }
  }
}

function removeOldPartials(paths: HomePaths, nowMs: number): void {
  for (const name of listNames(paths)) {
    const path = join(paths.rescued, name);
    const stat = name.startsWith(partialPrefix) ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
    if (stat && nowMs - stat.mtimeMs > oldestPartialMs) removeFolder(path);
  }
}

function listRescues(paths: HomePaths): Rescue[] {
  const found = listNames(paths).flatMap((name) => {
    const rescue = name.startsWith('.') ? null : readRescue(paths, name);
    return rescue ? [rescue] : [];
  });
  const byTime = (one: Rescue, other: Rescue) =>
    other.createdAt.getTime() - one.createdAt.getTime() || (one.name < other.name ? 1 : -1);
  return found.sort(byTime);
}

function listNames(paths: HomePaths): string[] {
  if (!lstatSync(paths.rescued, { throwIfNoEntry: false })) return [];
  makePrivateDirectory(paths.rescued);
  try {
    return readdirSync(paths.rescued);
  } catch (error) {
    throw toFileError(error, `look into ${paths.rescued}`);
  }
}

/** null: it is something else. */
function readRescue(paths: HomePaths, name: string): Rescue | null {
  const folder = join(paths.rescued, name);
  const path = join(folder, archiveName);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || !lstatSync(folder).isDirectory()) return null;
  const about = parseAbout(readPrivateFile(join(folder, aboutName), 65_536));
  return about && { ...about, name, bytes: stat.size, path };
}

function parseAbout(text: string | null): Omit<Rescue, 'name' | 'bytes' | 'path'> | null {
  try {
    const stored = JSON.parse(text ?? 'null') as Record<string, unknown> | null;
    const { instanceName, instanceKey, provider, recipients, complete, createdAt } = stored ?? {};
    const at = new Date(String(createdAt));
    const isRight =
      isInstanceName(String(instanceName)) &&
      isInstanceKey(String(instanceKey)) &&
      !Number.isNaN(at.getTime());
    if (!isRight || !Array.isArray(recipients)) return null;
    return {
      ...{ instanceName: String(instanceName), provider: String(provider), complete: complete === true },
      ...{
        instanceKey: instanceKey as Rescue['instanceKey'],
        createdAt: at,
        recipients: recipients.map(String),
      },
    };
  } catch {
    return null;
  }
}

function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    throw toFileError(error, `remove ${folder}`);
  }
}
