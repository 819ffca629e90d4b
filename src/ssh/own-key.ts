/** Has OpenSSH make the keys of spuff's own. Their private halves are made, moved and deleted here, and never opened. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, chmodSync, constants, existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import { makePrivateDirectory, syncDirectory, writeFileAtomically } from '../lib/atomic-file.ts';
import { exitCodeOf, startProcess } from '../lib/process.ts';
import { parsePublicKey } from '../lib/public-key.ts';
import { addToAgent } from './agent-keys.ts';

/** `spuff laptop 2026-11-25`: what tells keys apart in `ssh-add -l`. It never leaves this computer. */
export function keyComment(nowMs: number, host = hostname()): string {
  const name = host.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 64) || 'computer';
  return `spuff ${name} ${new Date(nowMs).toISOString().slice(0, 10)}`;
}

/**
 * Both halves on disk, 0600. Made under another name, so that a run that is cut off leaves no half a pair.
 * @param passphrase `prompt`: ssh-keygen asks for it on the terminal, so that spuff never knows it; `none`: the key has none
 * @throws SpuffError `config` when ssh-keygen failed or was left
 */
export async function makeKeyOnDisk(
  privatePath: string,
  comment: string,
  passphrase: 'prompt' | 'none',
): Promise<void> {
  const temporary = `${privatePath}.new`;
  removeHalves(temporary);
  try {
    await generate(temporary, comment, passphrase);
    // ssh-keygen leaves the public half readable for all; nothing in the home is.
    chmodSync(`${temporary}.pub`, 0o600);
    renameSync(`${temporary}.pub`, `${privatePath}.pub`);
    renameSync(temporary, privatePath);
    syncDirectory(join(privatePath, '..'));
  } finally {
    removeHalves(temporary);
  }
}

/**
 * The private half is made in `workDirectory`, given to ssh-agent for a time and removed; the public half stays.
 * @throws SpuffError `config` when ssh-keygen failed or the agent did not take it
 */
export async function makeKeyInAgent(
  publicPath: string,
  comment: string,
  { workDirectory, lifetimeMs }: { workDirectory: string; lifetimeMs: number },
): Promise<void> {
  makePrivateDirectory(workDirectory);
  const temporary = join(workDirectory, 'key');
  try {
    await generate(temporary, comment, 'none');
    // Before the agent has it: a key whose public half is lost could not be taken out of there.
    writeFileAtomically(publicPath, readFileSync(`${temporary}.pub`));
    await addToAgent(temporary, lifetimeMs);
  } finally {
    rmSync(workDirectory, { recursive: true, force: true });
  }
}

/** A name for a directory of ours in memory where the system has one, else among the temporary files. Does not make it. */
export function chooseWorkDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const inMemory = [environment['XDG_RUNTIME_DIR'], '/dev/shm'];
  const parent = inMemory.find((path) => path?.startsWith('/') && isWritable(path)) ?? tmpdir();
  return join(parent, `spuff-key-${randomBytes(8).toString('hex')}`);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Deletes the private half first: what is left of a run that is cut off opens nothing. */
export function removeHalves(privatePath: string): void {
  rmSync(privatePath, { force: true });
  rmSync(`${privatePath}.pub`, { force: true });
}

async function generate(path: string, comment: string, passphrase: 'prompt' | 'none'): Promise<void> {
  const argv = ['ssh-keygen', '-q', '-t', 'ed25519', '-C', comment, '-f', path];
  const child =
    passphrase === 'none'
      ? await startProcess([...argv, '-N', ''], { stdio: ['ignore', 'ignore', 'inherit'] })
      : await startProcess([...argv, '-a', '64'], { stdio: 'inherit' });
  const [code, signalName] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  const isMade = exitCodeOf(code, signalName) === 0 && existsSync(`${path}.pub`);
  if (isMade && parsePublicKey(readFileSync(`${path}.pub`, 'utf8'))) return;
  throw new SpuffError('config', 'ssh-keygen made no key', { hints: ['run the command again'] });
}
