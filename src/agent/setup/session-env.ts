/** The project's variables in sessions of the login user: from memory, by way of the shell that each session begins with. */
import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { containerEnvFile, containerSecretsFile } from '../../domain/devcontainer.ts';
import { sessionEnvFolder } from '../../domain/setup-paths.ts';
import { writeFileAtomically } from '../../lib/atomic-file.ts';
import { quoteArgument } from '../../lib/shell-quote.ts';
import { readText } from '../read-file.ts';
import type { SetupPlaces } from './setup-scene.ts';

const sessionFile = 'session.sh';

/**
 * Read by login shells. `-G`: of the login user's group, so that nobody else's shell takes them, root's neither.
 */
const profileScript = `# Written by spuff: the variables of the project, which lie in memory.
if [ "\${SPUFF_SESSION_ENV-}" != off ] && [ -G ${sessionEnvFolder}/${sessionFile} ] && [ -r ${sessionEnvFolder}/${sessionFile} ]; then
  . ${sessionEnvFolder}/${sessionFile}
fi
`;

/** bash reads /etc/bash.bashrc for prompts, and, as Debian and its kin build it, for what sshd runs without a login shell. */
const bashLine = (script: string) => `[ ! -r ${script} ] || . ${script} # spuff: variables of the project`;

/** Writes them where sessions find them, or takes them away where there are none any more. */
export function placeSessionEnv(places: SetupPlaces, env: Readonly<Record<string, string>>): void {
  placeContainerEnv(places, env);
  const path = join(places.envFolder, sessionFile);
  if (Object.keys(env).length === 0) {
    rmSync(path, { force: true });
    return;
  }
  // The folder hands its group on, which is the user's.
  writeFileAtomically(path, renderSessionEnv(env), 0o640);
  writeFileAtomically(places.profileScript, profileScript, 0o644);
  const line = bashLine(places.profileScript);
  const start = readText(places.bashStart) ?? '';
  // Before what ends it for shells without a prompt.
  if (existsSync(places.bashStart) && !start.split('\n').includes(line))
    writeFileAtomically(places.bashStart, `${line}\n${start}`, 0o644);
}

/** For sessions in the dev container, and for the commands of devcontainer.json, where there is one: in memory too. */
export function placeContainerEnv(
  { devcontainerFolder, envFolder, lentToContainer }: SetupPlaces,
  env: Readonly<Record<string, string>>,
): void {
  if (existsSync(devcontainerFolder))
    writeFileAtomically(join(envFolder, containerSecretsFile), JSON.stringify(env), 0o640);
  if (existsSync(lentToContainer))
    writeFileAtomically(join(lentToContainer, containerEnvFile), renderSessionEnv(env), 0o644);
}

/** A shell below one that has them keeps what was changed in there, until there are others. */
export function renderSessionEnv(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).map(([name, value]) => `  export ${name}=${quoteArgument(value)}`);
  // Of what is secret anyhow, and beside it.
  const stamp = createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
  return [
    `if [ "\${SPUFF_ENV_STAMP-}" != ${stamp} ]; then`,
    ...lines,
    `  export SPUFF_ENV_STAMP=${stamp}`,
    'fi',
    '',
  ].join('\n');
}
