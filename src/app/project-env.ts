/** The variables of a project, as they are on the user's machine at this moment. */

import { fillTemplate, parseEnvTemplate } from '../domain/env-template.ts';
import { SpuffError } from '../domain/errors.ts';
import type { ProjectFile } from '../domain/project.ts';
import { Secret } from '../domain/secret.ts';
import { isOrderingToken } from '../lib/credential-variables.ts';
import { escapeText } from '../lib/escape.ts';
import { runSecretCommand } from '../lib/secret-command.ts';
import type { AppContext } from './context.ts';
import { refuseUntrusted } from './project-trust.ts';
import { collectVariables, type Variable, wishesOf } from './project-variables.ts';

/**
 * What `env` of a project comes to: its file of secrets put over its own, variables of the user's put in, and commands run,
 * one after the other, because a password manager may ask its user. All of it counts as secret.
 * @throws SpuffError `config` naming each variable that is missing and its place, or a file of secrets that git tracks;
 * `permission` for one of somebody else's, and for what its user has not been asked about; `auth` | `unavailable` for a command that failed
 */
export async function resolveProjectEnv(
  context: Pick<AppContext, 'projectFiles' | 'trust' | 'signal' | 'progress'>,
  project: ProjectFile,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<ReadonlyMap<string, Secret>> {
  const variables = await collectVariables(context, project);
  const filled = fillTexts(variables, environment);
  await refuseUntrusted(context, project, variables.flatMap(wishesOf));
  const resolved = new Map<string, Secret>();
  for (const { name, value, where } of variables) {
    if (value.kind === 'text') {
      resolved.set(name, new Secret(filled.get(name) ?? ''));
      continue;
    }
    context.progress.note(`env.${name}: ${escapeText(value.command, { singleLine: true })}`);
    resolved.set(name, await runFor(context, project, { name, where, command: value.command }, environment));
  }
  return resolved;
}

/** All that is missing is named at once, and before any command is run. */
function fillTexts(variables: readonly Variable[], environment: NodeJS.ProcessEnv): Map<string, string> {
  const filled = new Map<string, string>();
  const problems: string[] = [];
  const hints = new Set<string>();
  for (const { name, value, where } of variables) {
    if (value.kind !== 'text') continue;
    const parts = parseEnvTemplate(value.text);
    const token = parts.find((part) => part.kind === 'variable' && isOrderingToken(part.name));
    const result = fillTemplate(parts, environment);
    if (token?.kind === 'variable') {
      problems.push(`${where}: env.${name}: ${token.name} orders machines, and never goes to one`);
      hints.add('if the project needs such a token, make one for it, and export that under another name');
    } else if ('value' in result) {
      filled.set(name, result.value);
    } else {
      const are = result.missing.length === 1 ? 'is' : 'are';
      problems.push(`${where}: env.${name}: ${result.missing.join(' and ')} ${are} not set on this computer`);
      hints.add('export it, write the value into spuff.secrets.yaml, or give it a fallback: ${NAME:-text}');
    }
  }
  if (problems.length === 0) return filled;
  throw new SpuffError('config', problems.join('\n'), { hints: [...hints] });
}

async function runFor(
  { signal }: Pick<AppContext, 'signal'>,
  { root }: ProjectFile,
  { name, where, command }: { name: string; where: string; command: string },
  env: NodeJS.ProcessEnv,
): Promise<Secret> {
  const printed = await runSecretCommand(
    {
      ...{ name: `${where}: the command of env.${name}`, line: command, env, cwd: root },
      withheld: new Set(Object.keys(env).filter(isOrderingToken)),
      hint: 'run it by hand to see why',
    },
    signal,
  );
  const value = printed.replace(/\r?\n$/, '');
  if (value !== '' && !value.includes('\0')) return new Secret(value);
  const what = value === '' ? 'nothing' : 'what no variable can hold';
  throw new SpuffError('auth', `${where}: the command of env.${name} printed ${what}`, {
    hints: ['run it by hand to see why'],
  });
}
