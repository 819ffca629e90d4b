/** What a volume begins with: a folder of the project, copied to the machine once. */
import { posix } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import { secretsFileNames } from '../domain/project.ts';
import type { Ssh, SshTarget } from '../domain/ssh.ts';
import type { Volume } from '../domain/volume.ts';
import { escapeText } from '../lib/escape.ts';
import { streamProcess } from '../lib/stream-process.ts';
import type { AppContext } from './context.ts';
import { requireInside } from './require-inside.ts';

const lookMs = 30_000;

/**
 * Makes the folder on the machine where it is not there, with what `source` holds. One that is there is left as it is: it
 * may hold work. Links go as links, so that none brings a file along from elsewhere on this computer; files of secrets stay.
 * @throws SpuffError `permission` for a folder that the login user may not make, and what ssh says
 */
export async function copyToVolume(
  { ssh: openSsh, signal, progress }: Pick<AppContext, 'ssh' | 'signal' | 'progress'>,
  target: SshTarget,
  volume: Volume,
  root: string | null,
): Promise<void> {
  const ssh = await openSsh();
  const run = (...argv: string[]) => runOrFail(ssh, target, argv, signal);
  const path = volume.target;
  if ((await ssh.run(target, ['test', '-d', path], { signal, timeoutMs: lookMs })).exitCode === 0) return;
  if (volume.source === null) {
    await run('mkdir', '-p', '--', path);
    return;
  }
  if (root !== null) requireInside(root, volume.source);
  const step = progress.start(`${volume.source} copied to ${target.name}`);
  // Only what is whole gets the name: a copy that broke off is begun anew.
  const part = posix.join(posix.dirname(path), `.${posix.basename(path)}.spuff-part`);
  try {
    await run('rm', '-rf', '--', part);
    await run('mkdir', '-p', '--', part);
    await pipeFolder(ssh, target, { source: volume.source, part }, signal);
    await run('mv', '-T', '--', part, path);
    step.done();
  } catch (error) {
    step.fail();
    throw error;
  }
}

async function pipeFolder(
  ssh: Ssh,
  target: SshTarget,
  { source, part }: { source: string; part: string },
  signal: AbortSignal,
): Promise<void> {
  const left = secretsFileNames.map((name) => `--exclude=${name}`);
  const tar = await streamProcess(['tar', '-cf', '-', ...left, '.'], { stdin: '', cwd: source, signal });
  try {
    const unpack = ['tar', '-xf', '-', '--no-same-owner', '-C', part];
    const { exitCode, stderr } = await ssh.run(target, unpack, { stdin: tar.stream, signal });
    const packed = await tar.end();
    if (packed.exitCode === 0 && exitCode === 0) return;
    throw failed(`${source} could not be copied to ${target.name}`, stderr || packed.said);
  } finally {
    tar.stop();
  }
}

async function runOrFail(
  ssh: Ssh,
  target: SshTarget,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { exitCode, stderr } = await ssh.run(target, argv, { signal, timeoutMs: lookMs });
  if (exitCode !== 0) throw failed(`a folder could not be made on ${target.name}`, stderr);
}

function failed(what: string, said: string): SpuffError {
  const why = escapeText(said.trim(), { singleLine: true }).slice(0, 300);
  return new SpuffError('permission', why === '' ? what : `${what}: ${why}`, {
    hints: ['outside of the home make it in setup: sudo install -d -o "$USER" /srv/data'],
  });
}
