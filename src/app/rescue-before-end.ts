/** The work on a machine that is about to be destroyed, saved first where the settings say so. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ReceiptRescue } from '../domain/receipt.ts';
import { defaultRescueLimits, defaultRescueTimeoutMs, type LeftOut } from '../domain/rescue.ts';
import { escapeText } from '../lib/escape.ts';
import type { AppContext } from './context.ts';
import { type RescueOutcome, rescueInstance } from './rescue-instance.ts';

/** The longest that the reaper keeps a machine past its deadline for this. */
export const reaperGraceMs = 2 * 60_000;

export interface BeforeDown {
  /** Whether a failure lets the machine go nevertheless. */
  goesOn: boolean;
  /** A snapshot follows, without which the machine stays. */
  diskIsKept: boolean;
}

/**
 * Before `down`: a failure, and work that could not be taken, stop it.
 * @returns null where nothing was to be saved, by the settings or because nobody can have worked there
 * @throws SpuffError the failure, with the ways to go on
 */
export async function rescueBeforeDown(
  context: AppContext,
  instance: Instance,
  { goesOn, diskIsKept }: BeforeDown,
): Promise<ReceiptRescue | null> {
  if (!(await wantsRescue(context, instance)) || instance.phase !== 'ready') return null;
  try {
    const outcome = await saveWork(context, instance, defaultRescueTimeoutMs);
    if (outcome.trailer.lost > 0) throw notAllSaved(instance, outcome);
    return receiptOf(outcome);
  } catch (error) {
    const isForeseen = error instanceof SpuffError && error.code !== 'internal';
    if (context.signal.aborted || !isForeseen) throw error;
    if (!goesOn && !diskIsKept) throw withChoice(instance, error);
    const end = diskIsKept ? 'only its disk is kept' : 'it is destroyed nevertheless';
    context.progress.warn(`the work on ${instance.name} was not saved, and ${end}: ${error.message}`);
    return { outcome: 'failed', name: null };
  }
}

/**
 * Before the reaper: nothing that goes wrong keeps the machine, and neither does one that takes its time.
 * @returns null where nothing was to be saved, or the machine can't be reached by what this computer knows
 */
export async function rescueBeforeReap(
  context: AppContext,
  instance: Instance | null,
  isRunning: boolean,
): Promise<ReceiptRescue | null> {
  if (instance?.phase !== 'ready' || instance.hostIdentity.phase !== 'pinned' || !isRunning) return null;
  if (!(await wantsRescue(context, instance))) return null;
  try {
    const outcome = await saveWork(context, instance, reaperGraceMs);
    if (outcome.trailer.lost === 0) return receiptOf(outcome);
    context.progress.warn(notAllSaved(instance, outcome).message);
    return { outcome: 'failed', name: outcome.rescue?.name ?? null };
  } catch (error) {
    const isForeseen = error instanceof SpuffError && error.code !== 'internal';
    if (context.signal.aborted || !isForeseen) throw error;
    context.progress.warn(`the work on ${instance.name} could not be saved: ${error.message}`);
    return { outcome: 'failed', name: null };
  }
}

/** By the instance's project, else by the user's settings. Where those can't be read, the machine must not stay for it. */
async function wantsRescue(context: AppContext, { directory }: Instance): Promise<boolean> {
  try {
    const { rescue } = await context.settings();
    return (await context.project(directory))?.rescue ?? rescue;
  } catch (error) {
    if (!(error instanceof SpuffError)) throw error;
    context.progress.warn(`whether work is to be saved first is not known: ${error.message}`);
    return false;
  }
}

async function saveWork(context: AppContext, instance: Instance, timeoutMs: number): Promise<RescueOutcome> {
  const outcome = await rescueInstance(context, instance, { limits: defaultRescueLimits, timeoutMs });
  const { rescue, trailer } = outcome;
  if (rescue)
    context.progress.note(`work saved as ${rescue.name}: look at it with spuff rescued open ${rescue.name}`);
  if (rescue && trailer.leftOut > trailer.lost)
    context.progress.warn(
      `not saved of ${instance.name}: ${describeLeftOut(trailer.named, trailer.leftOut)}`,
    );
  return outcome;
}

function receiptOf({ rescue }: RescueOutcome): ReceiptRescue {
  return rescue ? { outcome: 'saved', name: rescue.name } : { outcome: 'nothing', name: null };
}

function notAllSaved({ name }: Instance, { trailer }: RescueOutcome): SpuffError {
  const left = describeLeftOut(trailer.named, trailer.lost);
  return new SpuffError('conflict', `not all work on ${name} could be saved: ${left}`);
}

function withChoice({ name }: Instance, error: SpuffError): SpuffError {
  const isOff = error.code === 'connection' ? ` (is it off?)` : '';
  return new SpuffError(
    error.code,
    `${name} was not destroyed, because its work was not saved: ${error.message}${isOff}`,
    {
      hints: [
        ...error.hints,
        `keep its disk, and destroy it: spuff down ${name} --snapshot --no-rescue`,
        `destroy it with what is on it: spuff down ${name} --no-rescue`,
      ],
      cause: error,
    },
  );
}

/** The first few, in the words of a list. */
export function describeLeftOut(named: readonly LeftOut[], count: number): string {
  const shown = named.slice(0, Math.min(3, count)).map(describeOne);
  const more = count - shown.length;
  return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

/** `app: build/image.iso (23 MB: too large)` */
export function describeOne({ repository, part, path, bytes, why, detail }: LeftOut): string {
  const what = path ?? (part === 'file' ? 'untracked files' : part);
  const size = bytes === null ? '' : `${(bytes / 1e6).toFixed(1)} MB: `;
  const more = detail === null ? '' : `: ${detail.slice(0, 200)}`;
  return escapeText(`${repository || '~'}: ${what} (${size}${reasons[why]}${more})`, { singleLine: true });
}

const reasons: Readonly<Record<LeftOut['why'], string>> = {
  'too-large': 'too large',
  'no-room': 'too much in all',
  link: 'a link',
  special: 'no regular file',
  unreadable: 'it could not be read',
  'strange-name': 'its name is not UTF-8',
  'git-failed': 'git failed',
  'too-many': 'too many',
};
