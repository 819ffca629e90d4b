/** What the tests of controls at clouds share: `spuff` over each simulated cloud, and what the cloud has heard. */
import type { ChildProcess } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeSpuffHome, type Result, type SpuffHome } from '../e2e/spuff-process.ts';
import type { MachineBacking } from '../simulators/machine-backing.ts';
import { pretendMachines } from '../simulators/machine-backing.ts';
import { type RunningSim, startSim } from '../simulators/start.ts';

export const myAddress = '198.51.100.7';

export interface CloudScene extends RunningSim {
  home: SpuffHome;
  /** Runs spuff with the cloud's address and credential in its environment. */
  spuff(args: readonly string[], env?: Record<string, string>): Promise<Result>;
  /** The same, and leaves it running. */
  start(args: readonly string[]): ChildProcess;
  close(): Promise<void>;
}

/** A home whose provider is the simulated cloud, and a service that says that we are at `myAddress`. */
export async function openCloudScene(
  name: string,
  backing: MachineBacking = pretendMachines(),
  homeEnv: Record<string, string> = {},
): Promise<CloudScene> {
  const sim = await startSim(name, backing, 8);
  const home = makeSpuffHome(homeEnv);
  const service = await serveAddress();
  const scene: CloudScene = {
    ...sim,
    home,
    spuff: (args, env = {}) => home.spuff(args, { env: { ...sim.env, ...env } }),
    start: (args) => {
      const child = home.start(args, sim.env);
      child.stdout?.resume();
      child.stderr?.resume();
      return child;
    },
    close: async () => {
      await scene.spuff(['down', '--all', '--force']);
      await backing.removeAll();
      await sim.harness.sim.stop();
      service.close();
      await home.remove();
    },
  };
  await home.ok(['init', '--yes']);
  await home.ok(['config', 'set', 'provider', name]);
  const { port } = service.address() as AddressInfo;
  await home.ok(['config', 'set', 'address_service', `http://127.0.0.1:${port}`]);
  return scene;
}

async function serveAddress(): Promise<Server> {
  const server = createServer((_request, response) => response.end(`${myAddress}\n`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
