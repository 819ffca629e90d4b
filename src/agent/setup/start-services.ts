import type { SetupOrder } from '../../protocol/setup-schema.ts';
import { composeArguments, composeScript } from './compose-command.ts';
import { installPackages } from './install-packages.ts';
import { describeEnd } from './run-logged.ts';
import type { PartOutcome, PartTools } from './setup-scene.ts';

/** The first that the machine's sources have. */
const composePackages = ['docker-compose-v2', 'docker-compose-plugin', 'docker-compose'];

/** Brings docker where the machine has none, and starts the services as the login user, in the project's folder. */
export async function startServices(
  tools: PartTools,
  services: NonNullable<SetupOrder['services']>,
): Promise<PartOutcome> {
  const { account, order } = tools;
  const problem = await bringDocker(tools);
  if (problem !== null) return { state: 'failed', detail: problem };
  // Only who is in the group may speak to docker without sudo; a docker of somebody else's may have none.
  await tools.exec({
    argv: [
      'sh',
      '-c',
      'getent group docker >/dev/null || exit 0; usermod -aG docker "$1"',
      'group',
      account.name,
    ],
    asUser: false,
  });
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

/** @returns why there is none; null: there is */
async function bringDocker(tools: PartTools): Promise<string | null> {
  const has = async (script: string) =>
    (await tools.ask({ argv: ['sh', '-c', script], asUser: false })).exitCode === 0;
  const wanted: string[] = [];
  if (!(await has('command -v docker'))) wanted.push('docker.io');
  if (!(await has('docker compose version || command -v docker-compose'))) {
    tools.tell('looking for Compose');
    await tools.exec({ argv: ['apt-get', '--quiet', 'update'], asUser: false });
    for (const name of composePackages) {
      if (!(await has(`apt-cache show ${name}`))) continue;
      wanted.push(name);
      break;
    }
  }
  if (wanted.length === 0) return null;
  const installed = await installPackages(tools, wanted, wanted);
  return installed.state === 'failed' ? installed.detail : null;
}
