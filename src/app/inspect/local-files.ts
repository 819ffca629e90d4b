/** Files that hold what they should not, or that others can read. */
import {
  chmodSync,
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
} from 'node:fs';
import { join } from 'node:path';
import { SpuffError } from '../../domain/errors.ts';
import type { Inspection, Seen } from '../../domain/inspection.ts';
import { quoteArgument } from '../../lib/shell-quote.ts';
import { findToken } from '../../lib/token-shapes.ts';
import { refuseTrackedSecrets } from '../tracked-secrets.ts';
import type { LocalContext } from './local-context.ts';

/** Of one file; what is longer is looked at up to there. */
const mostBytes = 2 * 1024 * 1024;

/** Where shells and tools keep what is exported in every session. */
const shellFiles = [
  '.bashrc',
  '.bash_profile',
  '.profile',
  '.zshrc',
  '.zshenv',
  '.zprofile',
  '.config/fish/config.fish',
  '.env',
  '.netrc',
];

export const localFileInspections: readonly Inspection<LocalContext>[] = [
  {
    ...{ control: 'S1', slug: 'token-in-a-file', place: 'local', severity: 'high' },
    title: "no token of a provider is in a file of spuff's or of your shell",
    why: 'whoever reads the file, or a backup of it, can order machines on your bill',
    run: async ({ context, userHome }) => [
      ...listFiles(context.home, isText).flatMap((path) => findTokens(path, [])),
      ...shellFiles.flatMap((name) => findTokens(join(userHome, name), providerTokens)),
    ],
  },
  {
    ...{ control: 'S3', slug: 'open-to-others', place: 'local', severity: 'high' },
    title: "nothing of spuff's can be read or written by other users",
    why: "the tokens of your machines' agents are in it",
    run: async ({ context }) => findOpen(context.home),
  },
  {
    ...{ control: 'S5', slug: 'tracked-secrets', place: 'local', severity: 'high' },
    title: 'git does not track the file of secrets of this project',
    why: 'everybody who gets the repository gets the secrets, and they stay in its history',
    run: async ({ context }) => {
      const project = await context.project();
      if (project === null) return { skipped: 'no project here' };
      const path = (await context.projectFiles()).findSecrets(project.root);
      if (path === null) return { skipped: 'it has no file of secrets' };
      return asSeen(() => refuseTrackedSecrets(path, context.signal), path);
    },
  },
  {
    ...{ control: 'S5', slug: 'project-file', place: 'local', severity: 'high' },
    title: 'the file of this project can be used, and holds no credential',
    why: 'a repository is read by many, and by machines',
    run: async ({ context }) => {
      const files = await context.projectFiles();
      const path = files.find(context.directory);
      if (path === null) return { skipped: 'no project here' };
      return asSeen(async () => void (await files.read(path)), path);
    },
  },
];

/** An error that names a fault is what was seen. */
export async function asSeen(check: () => Promise<void>, path?: string): Promise<Seen[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (!(error instanceof SpuffError) || ['interrupted', 'internal'].includes(error.code)) throw error;
    const line = path === undefined ? null : Number(/:(\d+):\d+: /.exec(error.message)?.[1] ?? 0) || null;
    const mend = error.hints[0] ?? 'do what the message says';
    return [{ what: error.message, mend, ...(path !== undefined && { file: { path, line } }) }];
  }
}

/** In a file of the user's own there may be tokens for much else: only those of providers are spuff's business. */
const providerTokens = ['a DigitalOcean token', 'an AWS access key', 'a Tailscale key'];
const providerVariables =
  /(?:^|[\s;])(?:export\s+|set\s+-\S+\s+)?(DIGITALOCEAN_TOKEN|HCLOUD_TOKEN|HETZNER_TOKEN|SPUFF_API_TOKEN|AWS_SECRET_ACCESS_KEY|TS_AUTHKEY)[=\s]+["']?[A-Za-z0-9_+/-]{8,}/;

/** @param kinds nothing: whatever looks like a token */
function findTokens(path: string, kinds: readonly string[]): Seen[] {
  const seen: Seen[] = [];
  for (const [index, line] of (readStart(path) ?? '').split('\n').entries()) {
    const token = findToken(line);
    const variable = kinds.length > 0 ? providerVariables.exec(line)?.[1] : undefined;
    const isMeant = token !== null && (kinds.length === 0 || kinds.includes(token.kind));
    if (!isMeant && variable === undefined) continue;
    seen.push({
      what: `${path}:${index + 1} holds ${variable === undefined ? token?.kind : `a value for ${variable}`}`,
      mend: 'revoke it, take it out, and let a password manager print the new one: spuff config set token_command "op read …"',
      file: { path, line: index + 1 },
    });
  }
  return seen;
}

function isText({ name }: Dirent): boolean {
  return /\.(?:ya?ml|log|txt|ndjson|json|conf)$/.test(name);
}

/** Without what others wrote: caches are downloads. */
function listFiles(folder: string, isWanted: (entry: Dirent) => boolean): string[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return ['cache', 'volumes'].includes(entry.name) ? [] : listFiles(path, isWanted);
    return entry.isFile() && isWanted(entry) ? [path] : [];
  });
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // It is not there: there is nothing in it.
    return [];
  }
}

function readStart(path: string): string | null {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!fstatSync(fd).isFile()) return null;
      const buffer = Buffer.alloc(mostBytes);
      return buffer.toString('utf8', 0, readSync(fd, buffer, 0, mostBytes, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    // Not there, or not for us to read: then nobody put a token there for spuff.
    return null;
  }
}

function findOpen(folder: string): Seen[] {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  const inside = entriesOf(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    // A mount is the machine's, and must not be touched.
    if (entry.isDirectory()) return entry.name === 'volumes' ? [] : findOpen(path);
    return entry.isFile() ? findOpenFile(path) : [];
  });
  return [...findOpenFile(folder), ...inside];
}

function findOpenFile(path: string): Seen[] {
  const { mode } = lstatSync(path);
  if ((mode & 0o077) === 0) return [];
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  return [
    {
      what: `${path} is open to others (${octal})`,
      mend: `chmod go-rwx ${quoteArgument(path)}`,
      file: { path, line: null },
      fix: () => chmodSync(path, mode & 0o700),
    },
  ];
}
