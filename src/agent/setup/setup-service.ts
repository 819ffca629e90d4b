/** The program of the setup's unit: reads what was sent, and runs it as root. */
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { en } from 'zod/locales';
import { config as configureZod } from 'zod/mini';
import { agentConfigPath, parseAgentConfig, preDownPath } from '../../domain/agent-config.ts';
import { devcontainerFolder, lentToContainer } from '../../domain/devcontainer.ts';
import {
  configFile,
  orderFile,
  requestFile,
  sessionEnvFolder,
  setupDoneFolder,
  setupLogFolder,
  setupOrderFolder,
  setupStateFolder,
  statusFile,
} from '../../domain/setup-paths.ts';
import { writeFileAtomically } from '../../lib/atomic-file.ts';
import { escapeText } from '../../lib/escape.ts';
import {
  type SetupOrder,
  type SetupRequest,
  type SetupStatus,
  setupOrder,
  setupRequest,
  setupStatus,
} from '../../protocol/setup-schema.ts';
import { machinePaths } from '../machine-paths.ts';
import { readText } from '../read-file.ts';
import { type Account, findAccount, findGroupId } from './accounts.ts';
import { markBrokenOff } from './broken-off.ts';
import { describeConfig } from './describe-config.ts';
import { openDoneFile } from './done-file.ts';
import { createMask } from './mask-output.ts';
import { isOfThisMachine } from './plan-parts.ts';
import { placePreDownHook } from './pre-down-hook.ts';
import { createCommandRunner } from './run-logged.ts';
import { runSetup } from './run-setup.ts';
import { placeSessionEnv } from './session-env.ts';
import { createLock, type SetupPlaces } from './setup-scene.ts';
import { createStatusBoard, type StatusBoard } from './status-board.ts';

const places: SetupPlaces = {
  orderFolder: setupOrderFolder,
  envFolder: sessionEnvFolder,
  stateFolder: setupStateFolder,
  logFolder: setupLogFolder,
  profileScript: '/etc/profile.d/spuff-env.sh',
  bashStart: '/etc/bash.bashrc',
  preDownHook: preDownPath,
  lentAgent: '/run/spuff/ssh/agent.sock',
  devcontainerFolder,
  lentToContainer,
  unitFolder: '/etc/systemd/system',
};

const groupPath = '/etc/group';

/** Runs the setup that was sent, or goes on with it. Its outcome is in the status; the exit status is that of the program. */
export async function serveSetup(log: (line: string) => void): Promise<void> {
  configureZod({ ...en(), jitless: true });
  const account = readAccount();
  prepareFolders(account);
  const previous = readPrevious();
  const order = readOrder(join(places.orderFolder, orderFile));
  const request = takeRequest();
  if (order === null) {
    const detail =
      'what was sent is not on the machine any more, because a reboot forgets it: run "spuff setup" for this machine';
    const none = { project: null, run: null, startedAt: null, endedAt: null, detail: null, parts: [] };
    const status: SetupStatus = { ...(previous ?? none), run: request.run, state: 'failed' };
    createStatusBoard(places.stateFolder, status, Date.now).end('failed', detail);
    log(detail);
    return;
  }
  writeFileAtomically(
    join(places.stateFolder, configFile),
    `${JSON.stringify(describeConfig(order))}\n`,
    0o640,
  );
  keepOrder(order);
  placeSessionEnv(places, order.env);
  if (order.preDown.length === 0) placePreDownHook(places.preDownHook, order);
  const ofMachine = openDoneFile(join(places.stateFolder, 'done.json'));
  const ofDisk = openDoneFile(join(setupDoneFolder, 'done.json'));
  const status = await runSetup(
    {
      ...{ order, request, account, places, previous, now: Date.now },
      done: (part) => (isOfThisMachine(part) ? ofMachine : ofDisk),
      run: createCommandRunner(account, createMask(order.env)),
      sleep: async (ms) => void (await sleep(ms)),
      locks: { apt: createLock(), npm: createLock() },
      onFailure: (error) =>
        log(error instanceof Error ? escapeText(error.stack ?? error.message) : 'unknown'),
    },
    endOnSignal,
  );
  log(`the setup of ${escapeText(order.project, { singleLine: true })} is ${status.state}`);
}

/** After a boot: puts back what the user wants to outlive one. */
export function restoreSetup(): void {
  configureZod({ ...en(), jitless: true });
  prepareFolders(readAccount());
  const text = readText(join(places.stateFolder, orderFile));
  if (text === null) return;
  const order = setupOrder.parse(JSON.parse(text));
  writeFileAtomically(join(places.orderFolder, orderFile), text);
  placeSessionEnv(places, order.env);
}

function readAccount(): Account {
  const user = parseAgentConfig(readText(agentConfigPath) ?? '')?.user;
  const account = user === undefined ? null : findAccount(machinePaths.passwd, user);
  if (account === null) throw new Error(`${agentConfigPath} names no user of this machine`);
  return account;
}

/** The setgid bit hands the group on to what is written in them. */
function prepareFolders(account: Account): void {
  const agent = findGroupId(groupPath, 'spuff-agent') ?? 0;
  const logs = findGroupId(groupPath, 'adm') ?? agent;
  makeFolder(places.orderFolder, 0, 0o700);
  makeFolder(places.envFolder, account.groupId, 0o2750);
  makeFolder(places.stateFolder, agent, 0o2750);
  makeFolder(places.logFolder, logs, 0o2750);
  makeFolder(setupDoneFolder, 0, 0o700);
}

function makeFolder(path: string, groupId: number, mode: number): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chownSync(path, 0, groupId);
  chmodSync(path, mode);
}

function readOrder(path: string): SetupOrder | null {
  const text = readText(path);
  return text === null ? null : setupOrder.parse(JSON.parse(text));
}

/** It is for one run: who starts the next one without another wants all that is not done. */
function takeRequest(): SetupRequest {
  const path = join(places.orderFolder, requestFile);
  const text = readText(path);
  rmSync(path, { force: true });
  if (text !== null) return setupRequest.parse(JSON.parse(text));
  return { run: `resumed-${Date.now().toString(36)}`, only: null, again: false, lends: false };
}

function readPrevious(): SetupStatus | null {
  try {
    return setupStatus.parse(JSON.parse(readText(join(places.stateFolder, statusFile)) ?? ''));
  } catch {
    return null;
  }
}

function keepOrder(order: SetupOrder): void {
  const path = join(places.stateFolder, orderFile);
  if (order.keepEnv) writeFileAtomically(path, `${JSON.stringify(order)}\n`);
  else rmSync(path, { force: true });
}

/** systemd ends the programs; this writes down that they came to no end of their own. */
function endOnSignal(board: StatusBoard): void {
  process.once('SIGTERM', () => {
    markBrokenOff(board.status, 'stopped');
    board.end('failed', 'it was stopped, or the machine went down');
    process.exit(0);
  });
}
