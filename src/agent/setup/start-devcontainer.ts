/** The dev container of the project: docker, the reference command line, the container, and the ways into it. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { containerSecretsFile } from '../../domain/devcontainer.ts';
import { writeFileAtomically } from '../../lib/atomic-file.ts';
import { escapeText } from '../../lib/escape.ts';
import type { SetupOrder } from '../../protocol/setup-schema.ts';
import { readText } from '../read-file.ts';
import { bringDocker } from './bring-docker.ts';
import {
  type ContainerSite,
  portUnitPrefix,
  renderContainerUnits,
  renderEnter,
  renderForwardPort,
  upArgv,
} from './devcontainer-files.ts';
import { installBundle } from './install-bundle.ts';
import { type CommandEnd, describeEnd } from './run-logged.ts';
import { placeContainerEnv } from './session-env.ts';
import type { PartOutcome, PartTools } from './setup-scene.ts';
import type { SetupItem } from './status-board.ts';

type Devcontainer = NonNullable<SetupOrder['devcontainer']>;

/** It runs when the container is new, has changed, has failed or is asked for again: so the old one goes. */
export async function startDevcontainer(tools: PartTools, wish: Devcontainer): Promise<PartOutcome> {
  const { order, places } = tools;
  const there = await tools.ask({ argv: ['test', '-f', wish.path], asUser: true, cwd: order.directory });
  if (there.exitCode !== 0) {
    const detail = `${escapeText(wish.path, { singleLine: true })} is not in ${order.directory} on the machine: bring the project there first`;
    return { state: 'failed', detail };
  }
  const problem = await bringDocker(tools, { compose: wish.usesCompose });
  if (problem !== null) return { state: 'failed', detail: problem };
  const cli = await installBundle(tools, wish.cli);
  if (cli.state === 'failed') return cli;
  const site = {
    ...{ directory: order.directory, path: wish.path },
    secretsPath: join(places.envFolder, containerSecretsFile),
    knownHosts: join(places.devcontainerFolder, 'known_hosts'),
  };
  placeScripts(tools, site);
  await placeUnits(tools, wish);
  placeContainerEnv(places, order.env);
  tools.tell('bringing the container up');
  const ended = await tools.exec({
    argv: [...upArgv(site), '--secrets-file', site.secretsPath, '--remove-existing-container'],
    asUser: true,
    cwd: order.directory,
    env: { SSH_AUTH_SOCK: places.lentAgent, GIT_TERMINAL_PROMPT: '0' },
  });
  if (ended.exitCode !== 0) return { state: 'failed', detail: explain(ended) };
  return { state: 'done', detail: null, items: await openPorts(tools, wish) };
}

/** The last line of its output is JSON, which says in a sentence what went wrong. */
function explain(ended: CommandEnd): string {
  try {
    const last: unknown = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '');
    if (typeof last === 'object' && last !== null && 'message' in last && typeof last.message === 'string')
      return escapeText(last.message.slice(0, 400), { singleLine: true });
  } catch {
    // It came to no such line.
  }
  return describeEnd(ended);
}

function placeScripts({ places }: PartTools, site: ContainerSite): void {
  const folder = places.devcontainerFolder;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const write = (name: string, text: string, mode: number) =>
    writeFileAtomically(join(folder, name), text, mode);
  write('enter', renderEnter(site), 0o755);
  write('forward-port', renderForwardPort(site), 0o755);
  // A copy: the container's root may write to what is mounted.
  const known = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'].map((path) => readText(path) ?? '');
  write('known_hosts', known.join('\n'), 0o644);
}

/** Ports are closed until the container is up: docker may publish some of them itself, and would find them taken. */
async function placeUnits(tools: PartTools, { ports }: Devcontainer): Promise<void> {
  const { places, account } = tools;
  for (const name of readdirSync(places.unitFolder)) {
    if (!name.startsWith(portUnitPrefix)) continue;
    await tools.exec({ argv: ['systemctl', 'disable', '--quiet', '--now', name], asUser: false });
    rmSync(join(places.unitFolder, name), { force: true });
  }
  for (const [name, text] of renderContainerUnits(account.name, ports))
    writeFileAtomically(join(places.unitFolder, name), text, 0o644);
  await tools.exec({ argv: ['systemctl', 'daemon-reload'], asUser: false });
  const argv = ['systemctl', 'enable', '--quiet', '--now', 'spuff-devcontainer-agent.socket'];
  await tools.exec({ argv, asUser: false });
}

/** @returns one for each: that one is taken does not keep the container from being of use */
async function openPorts(tools: PartTools, { ports }: Devcontainer): Promise<SetupItem[]> {
  const items: SetupItem[] = [];
  for (const { port } of ports) {
    const turn = (word: 'enable' | 'disable') =>
      tools.exec({
        argv: ['systemctl', word, '--quiet', '--now', `${portUnitPrefix}${port}.socket`],
        asUser: false,
      });
    const isOpen = (await turn('enable')).exitCode === 0;
    // Else it would be the first to have it after a boot.
    if (!isOpen) await turn('disable');
    const detail = isOpen ? null : 'the machine listens on it already, perhaps because docker publishes it';
    items.push({ name: `port ${port}`, state: isOpen ? 'done' : 'skipped', detail });
  }
  return items;
}
