import type { SetupOrder } from '../../protocol/setup-schema.ts';
import { bringDocker } from './bring-docker.ts';
import { composeArguments, composeScript } from './compose-command.ts';
import { describeEnd } from './run-logged.ts';
import type { PartOutcome, PartTools } from './setup-scene.ts';

/** Brings docker where the machine has none, and starts the services as the login user, in the project's folder. */
export async function startServices(
  tools: PartTools,
  services: NonNullable<SetupOrder['services']>,
): Promise<PartOutcome> {
  const { order } = tools;
  const problem = await bringDocker(tools, { compose: true });
  if (problem !== null) return { state: 'failed', detail: problem };
  const file = await tools.ask({
    argv: ['test', '-f', services.composeFile],
    asUser: true,
    cwd: order.directory,
  });
  if (file.exitCode !== 0) {
    const detail = `${services.composeFile} is not in ${order.directory} on the machine: bring the project there first`;
    return { state: 'failed', detail };
  }
  tools.tell('starting');
  const argv = ['bash', '-l', '-c', composeScript, 'compose', ...composeArguments(services), 'up', '-d'];
  const ended = await tools.exec({ argv, asUser: true, cwd: order.directory });
  return ended.exitCode === 0
    ? { state: 'done', detail: null }
    : { state: 'failed', detail: describeEnd(ended) };
}
