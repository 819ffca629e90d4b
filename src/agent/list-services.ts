/** The services of the project's compose file. docker is asked as the login user: the agent itself may not. */
import { escapeText } from '../lib/escape.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import type { SetupConfig } from '../protocol/setup-schema.ts';
import { AgentError } from './agent-error.ts';
import type { ExecOrder } from './exec-frames.ts';
import { composeArguments, composeScript } from './setup/compose-command.ts';

/** Runs a command as the login user; see `askQuietly`. */
export type AskUser = (
  order: ExecOrder,
) => Promise<{ exitCode: number | null; stdout: string; stderr: string }>;

const listMs = 20_000;
const restartMs = 120_000;
const outputBytes = 256 * 1024;

const columns = ['.Label "com.docker.compose.service"', '.Names', '.State', '.Status', '.Image', '.Ports'];
const format = columns.map((column) => `{{${column}}}`).join('\t');

/** @throws AgentError `unavailable` with docker's own words */
export async function listServices(
  ask: AskUser,
  config: SetupConfig | null,
): Promise<AgentResponse<'services'>> {
  if (!config?.services) return { composeFile: null, services: [] };
  // By the label that every Compose puts on what it starts.
  const filter = `label=com.docker.compose.project.working_dir=${config.directory}`;
  const argv = ['docker', 'ps', '--all', '--filter', filter, '--format', format];
  const { stdout } = await expectZero(ask, {
    argv,
    cwd: '/',
    timeoutMs: listMs,
    maxOutputBytes: outputBytes,
  });
  const rows = stdout.split('\n').filter((line) => line !== '');
  const services = rows.map((row) => {
    const cells = row.split('\t').map((cell) => escapeText(cell, { singleLine: true }));
    const [name = '', container = '', state = '', status = '', image = '', ports = ''] = cells;
    return { name, container, state, status, image, ports };
  });
  return { composeFile: config.services.composeFile, services };
}

/** @throws AgentError `not-found` where the project has none, `unavailable` with Compose's own words */
export async function restartServices(
  ask: AskUser,
  config: SetupConfig | null,
  service: string | undefined,
): Promise<AgentResponse<'services'>> {
  if (!config?.services) throw new AgentError('not-found', 'the project has no services');
  const compose = [
    ...composeArguments(config.services),
    'restart',
    ...(service === undefined ? [] : [service]),
  ];
  // A login shell has the variables that the file may name.
  const argv = ['bash', '-l', '-c', composeScript, 'compose', ...compose];
  const order = { argv, cwd: config.directory, timeoutMs: restartMs, maxOutputBytes: outputBytes };
  await expectZero(ask, order);
  return listServices(ask, config);
}

async function expectZero(ask: AskUser, order: ExecOrder) {
  const ended = await ask(order);
  if (ended.exitCode === 0) return ended;
  const words = ended.stderr.trim().split('\n').slice(-3).join('; ') || 'docker gave no answer';
  throw new AgentError('unavailable', escapeText(words, { singleLine: true }).slice(0, 500), {
    hint: 'on the machine: docker ps --all',
  });
}
