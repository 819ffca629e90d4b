/** A machine for the tests of a setup: folders of its own, and programs that are told what to answer. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SetupOrder, SetupRequest, SetupStatus } from '../../protocol/setup-schema.ts';
import { openDoneFile } from './done-file.ts';
import type { Command, RunCommand } from './run-logged.ts';
import { runSetup } from './run-setup.ts';
import { createLock, type SetupPlaces } from './setup-scene.ts';

/** What a program answers; undefined: it prints nothing and succeeds. */
export type Answer = (
  argv: readonly string[],
  command: Command,
) => { exitCode?: number; output?: string } | undefined;

export interface SetupWorld {
  folder: string;
  places: SetupPlaces;
  /** Each program that was run, with its arguments. */
  ran: readonly string[][];
  run: RunCommand;
  setUp(order: Partial<SetupOrder>, request?: Partial<SetupRequest>): Promise<SetupStatus>;
  log(name: string): string;
  remove(): void;
}

export const emptyOrder: SetupOrder = {
  ...{ version: 1, project: 'shop', directory: '/home/dev/shop', env: {}, keepEnv: false },
  ...{ bundles: [], aiTools: [], packages: [], repositories: [], dotfiles: null, services: null },
  ...{ setup: [], postUp: [], preDown: [] },
};

export function createSetupWorld(answer: Answer = () => undefined): SetupWorld {
  const folder = mkdtempSync(join(tmpdir(), 'spuff-setup-'));
  const places: SetupPlaces = {
    orderFolder: join(folder, 'order'),
    envFolder: join(folder, 'env'),
    stateFolder: join(folder, 'state'),
    logFolder: join(folder, 'log'),
    profileScript: join(folder, 'profile.sh'),
    bashStart: join(folder, 'bash.bashrc'),
    preDownHook: join(folder, 'pre-down'),
    lentAgent: join(folder, 'agent.sock'),
    devcontainerFolder: join(folder, 'devcontainer'),
    lentToContainer: join(folder, 'lent'),
    unitFolder: join(folder, 'units'),
  };
  for (const name of ['order', 'env', 'state', 'log', 'units', 'lent']) mkdirSync(join(folder, name));
  const ran: string[][] = [];
  const run: RunCommand = async (command, onLine) => {
    ran.push([...command.argv]);
    const { exitCode = 0, output = '' } = answer(command.argv, command) ?? {};
    const lines = output.split('\n').filter((line) => line !== '');
    for (const line of lines) onLine(line);
    return { exitCode, stdout: output, lastLines: lines.slice(-8) };
  };
  let previous: SetupStatus | null = null;
  let runs = 0;
  return {
    ...{ folder, places, ran, run },
    async setUp(order, request = {}) {
      const done = openDoneFile(join(folder, 'done.json'));
      runs++;
      previous = await runSetup({
        order: { ...emptyOrder, ...order },
        request: { run: `run-${runs}`, only: null, again: false, lends: false, ...request },
        account: { name: 'dev', userId: 1000, groupId: 1000, home: '/home/dev', shell: '/bin/bash' },
        ...{ places, previous, run, now: Date.now, done: () => done },
        sleep: async () => undefined,
        locks: { apt: createLock(), npm: createLock() },
        onFailure: (error) => {
          throw error;
        },
      });
      return previous;
    },
    log: (name) => readFileSync(join(places.logFolder, name), 'utf8'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The states of a status' parts, by what they are called. */
export function statesOf({ parts }: SetupStatus): Record<string, string> {
  return Object.fromEntries(
    parts.map(({ kind, name, state }) => [kind === name ? kind : `${kind} ${name}`, state]),
  );
}
