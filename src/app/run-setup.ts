/** Has a machine made into what its project asks for. */
import { SpuffError } from '../domain/errors.ts';
import type { GuardRecord } from '../domain/guard.ts';
import type { Instance } from '../domain/instance.ts';
import { makeRandomName } from '../lib/random-name.ts';
import { titleOf } from '../lib/setup-title.ts';
import type { SetupRequest, SetupStatus } from '../protocol/setup-schema.ts';
import { askAgent } from './ask-agent.ts';
import type { AppContext } from './context.ts';
import { lendDuring } from './lend-during.ts';
import { sendSetup } from './send-setup.ts';
import { type PreparedSetup, type ProjectSetup, prepareSetup } from './setup-order.ts';
import { watchSetup } from './watch-setup.ts';

export interface SetupWishes extends Pick<SetupRequest, 'only' | 'again'> {
  onRefused: (record: GuardRecord) => void;
}

/**
 * Sends the project's order and waits for its end. A setup that is at work already is waited for instead. Nothing that goes
 * wrong here, and no Ctrl-C, ends what runs on the machine.
 * @returns the status at the end, whatever it is: see `setupError`
 * @throws SpuffError `connection` | `agent` | `interrupted`
 */
export async function setUpProject(
  context: AppContext,
  instance: Instance,
  setup: ProjectSetup,
  wishes: SetupWishes,
): Promise<SetupStatus> {
  const prepared = await prepareSetup(setup, instance);
  const work = (lends: boolean) => sendAndWatch(context, instance, prepared, { ...wishes, lends });
  return usesGit(prepared) ? lendDuring(context, instance, { ...wishes, work }) : work(false);
}

/** An order that was made elsewhere. Nothing is lent to it. */
export function setUpPrepared(
  context: AppContext,
  instance: Instance,
  prepared: PreparedSetup,
): Promise<SetupStatus> {
  return sendAndWatch(context, instance, prepared, { only: null, again: false, lends: false });
}

/** Waits for a setup that is at work on the machine; null: there is none. */
export async function joinSetup(
  context: AppContext,
  instance: Instance,
  onRefused: SetupWishes['onRefused'],
): Promise<SetupStatus | null> {
  const status = await askAgent(context, instance, 'projectStatus');
  if (status.state !== 'in_progress') return null;
  context.progress.note(`a setup is at work on ${instance.name} already`);
  const work = () => watchSetup(context, instance, null);
  return lendDuring(context, instance, { onRefused, work });
}

async function sendAndWatch(
  context: AppContext,
  instance: Instance,
  prepared: PreparedSetup,
  { only, again, lends }: Omit<SetupRequest, 'run'>,
): Promise<SetupStatus> {
  const run = makeRandomName();
  const outcome = await sendSetup(context, instance, prepared, { run, only, again, lends });
  if (outcome === 'running') {
    context.progress.note(`a setup is at work on ${instance.name} already: nothing new was sent`);
    return watchSetup(context, instance, null);
  }
  return watchSetup(context, instance, run);
}

function usesGit({ order }: PreparedSetup): boolean {
  const { repositories, dotfiles, devcontainer, setup, postUp } = order;
  if (devcontainer !== undefined) return true;
  return dotfiles !== null || [repositories, setup, postUp].some(({ length }) => length > 0);
}

/** What a status comes to for who waited for it: null when all is done. The machine stays either way. */
export function setupError({ name }: Instance, status: SetupStatus): SpuffError | null {
  if (status.state !== 'failed') return null;
  const failed = status.parts.filter(({ state }) => state === 'failed');
  const what = failed.map((part) => titleOf(part)).join(', ');
  const why = failed.length === 0 ? (status.detail ?? 'it did not come to its end') : `${what} failed`;
  return new SpuffError('setup', `${name} is there, but not set up: ${why}`, {
    hints: [
      ...failed.slice(0, 3).map((part) => `see why: spuff logs ${name} ${logOptionOf(part)}`),
      `go on where it stands: spuff setup ${name}`,
    ],
  });
}

function logOptionOf({ kind, name, log }: SetupStatus['parts'][number]): string {
  if (kind === 'script') return `--script ${Number(name)}`;
  if (kind === 'bundle' || kind === 'ai') return `--bundle ${name}`;
  if (kind === 'packages' || kind === 'services' || kind === 'dotfiles' || kind === 'devcontainer')
    return `--${kind}`;
  if (kind === 'repositories') return '--repos';
  return `--file ${log ?? 'spuff-setup/setup.log'}`;
}
