import { installPackages } from './install-packages.ts';
import type { PartTools } from './setup-scene.ts';

/** The first that the machine's sources have. */
const composePackages = ['docker-compose-v2', 'docker-compose-plugin', 'docker-compose'];

/**
 * Brings docker where the machine has none, and lets the login user speak to it.
 * @returns why there is none, already escaped; null: there is
 */
export async function bringDocker(
  tools: PartTools,
  { compose }: { compose: boolean },
): Promise<string | null> {
  const problem = await installDocker(tools, compose);
  if (problem !== null) return problem;
  // Only who is in the group may speak to docker without sudo; a docker of somebody else's may have none.
  const script = 'getent group docker >/dev/null || exit 0; usermod -aG docker "$1"';
  await tools.exec({ argv: ['sh', '-c', script, 'group', tools.account.name], asUser: false });
  return null;
}

async function installDocker(tools: PartTools, compose: boolean): Promise<string | null> {
  const has = async (script: string) =>
    (await tools.ask({ argv: ['sh', '-c', script], asUser: false })).exitCode === 0;
  const wanted: string[] = [];
  if (!(await has('command -v docker'))) wanted.push('docker.io');
  if (compose && !(await has('docker compose version || command -v docker-compose'))) {
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
