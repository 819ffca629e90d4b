/** The key that spuff makes for a user who has none. */
import { once } from 'node:events';
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import { makePrivateDirectory } from '../lib/atomic-file.ts';
import { exitCodeOf, startProcess } from '../lib/process.ts';
import { checkPrivateHalf, type KeyPairPaths, readPublicHalf, toKeyPairPaths } from './key-file.ts';

/** `<home>/keys/id_ed25519`. */
export function ownKeyPaths(home: string): KeyPairPaths {
  return toKeyPairPaths(join(home, 'keys', 'id_ed25519'));
}

/**
 * Has ssh-keygen make `<home>/keys/id_ed25519`; one that is there is kept.
 * @param passphrase `prompt`: ssh-keygen asks for it on the terminal, so that spuff never knows it; `none`: the key has none
 * @returns the path of the public half
 * @throws SpuffError `config` when ssh-keygen failed or was left, `permission` for a key of ours that others can read
 */
export async function createOwnKey(home: string, passphrase: 'prompt' | 'none'): Promise<string> {
  const paths = ownKeyPaths(home);
  if (checkPrivateHalf(paths.privatePath)) {
    readPublicHalf(paths);
    return paths.publicPath;
  }
  makePrivateDirectory(join(home, 'keys'));
  // Made under another name, so that a run that is cut off leaves no half a pair.
  const temporary = `${paths.privatePath}.${process.pid}`;
  const argv = ['ssh-keygen', '-q', '-t', 'ed25519', '-C', 'spuff', '-f', temporary];
  try {
    const child =
      passphrase === 'none'
        ? await startProcess([...argv, '-N', ''], { stdio: ['ignore', 'ignore', 'inherit'] })
        : await startProcess([...argv, '-a', '64'], { stdio: 'inherit' });
    const [code, signalName] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    if (exitCodeOf(code, signalName) !== 0 || !existsSync(`${temporary}.pub`)) {
      throw new SpuffError('config', 'ssh-keygen made no key', { hints: ['run it again: spuff init'] });
    }
    // ssh-keygen leaves the public half readable for all; nothing in the home is.
    chmodSync(`${temporary}.pub`, 0o600);
    renameSync(`${temporary}.pub`, paths.publicPath);
    renameSync(temporary, paths.privatePath);
  } finally {
    rmSync(temporary, { force: true });
    rmSync(`${temporary}.pub`, { force: true });
  }
  return paths.publicPath;
}
