/** Looks at everything that spuff needs on the user's machine, and says what to do about what is wrong. */
import { statfsSync } from 'node:fs';
import { SpuffError } from '../domain/errors.ts';
import type { Provider } from '../domain/provider.ts';
import { toFileError } from '../lib/atomic-file.ts';
import { escapeText } from '../lib/escape.ts';
import { runProcess } from '../lib/process.ts';
import { type AppContext, callOptions } from './context.ts';
import { listInstances, refreshInstances } from './list-instances.ts';
import { remarkOnUntracked } from './untracked-machines.ts';

export interface Check {
  name: string;
  /** `warn`: works, but look at it. `fail`: something will not work. */
  outcome: 'ok' | 'warn' | 'fail';
  what: string;
  hints: readonly string[];
}

/** What can be seen and done to spuff's own files, which only the state knows. */
export interface HomeCare {
  /** Takes the rights of others off everything in the home. Gives the paths that had such rights. */
  closeToOthers(): readonly string[];
  /** null when the state is sound or there is none yet, else what is wrong with it. */
  checkState(): SpuffError | null;
  /** Keeps a damaged state aside and saves what can be read. `keptAs` is null when it was sound. */
  recoverState(): { keptAs: string | null; saved: readonly string[] };
}

/** Every check, in the order in which one thing needs another. */
export async function examine(context: AppContext, home: HomeCare): Promise<Check[]> {
  const checks: readonly [string, () => Promise<Omit<Check, 'name'>>][] = [
    ['home', async () => checkHome(context, home)],
    ['disk', async () => checkDisk(context)],
    ['config', async () => checkConfig(context)],
    ['state', async () => checkState(home)],
    ['instances', async () => checkInstances(context, home)],
    ['untracked', async () => checkUntracked(context, home)],
    ['clock', async () => checkClock(context, home)],
    ['ssh', async () => checkSsh(context)],
    ['ssh key', async () => checkKey(context)],
    ['provider', async () => checkProvider(context)],
    ['base image', async () => checkBaseImage(context)],
  ];
  return Promise.all(checks.map(async ([name, check]) => ({ name, ...(await attempt(check)) })));
}

type Finding = Omit<Check, 'name'>;

function ok(what: string): Finding {
  return { outcome: 'ok', what, hints: [] };
}

async function attempt(check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof SpuffError) || error.code === 'interrupted') throw error;
    return { outcome: 'fail', what: error.message, hints: error.hints };
  }
}

function checkHome({ home }: AppContext, care: HomeCare): Finding {
  const opened = care.closeToOthers();
  if (opened.length === 0) return ok(`${home} is closed to others`);
  return {
    outcome: 'warn',
    what: `others had rights on ${opened.join(', ')}; they are taken away`,
    hints: ['find out what gave them: spuff itself never does'],
  };
}

/** A base image and what it is built from take about this much. */
const wantedBytes = 3 * 1024 ** 3;

function checkDisk({ home }: AppContext): Finding {
  const free = freeBytes(home);
  const gigabytes = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
  if (free >= wantedBytes) return ok(gigabytes);
  return { outcome: 'warn', what: gigabytes, hints: ['building a base image takes about 3 GiB'] };
}

function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch (error) {
    throw toFileError(error, `look at ${path}`);
  }
}

async function checkConfig(context: AppContext): Promise<Finding> {
  const settings = await context.settings();
  return ok(`provider ${settings.provider}, user ${settings.user}`);
}

function checkState(care: HomeCare): Finding {
  const damage = care.checkState();
  return damage ? { outcome: 'fail', what: damage.message, hints: damage.hints } : ok('sound');
}

async function checkInstances(context: AppContext, care: HomeCare): Promise<Finding> {
  if (care.checkState()) return { outcome: 'warn', what: 'not known: see state', hints: [] };
  const listed = await listInstances(context);
  const remarks = listed.flatMap(({ instance, remarks: all }) =>
    all.map((remark) => `${instance.name}: ${remark}`),
  );
  return remarks.length === 0
    ? ok(`${listed.length}`)
    : { outcome: 'warn', what: 'look at them', hints: remarks };
}

/** Machines that nobody would ever remove: their state was lost. */
async function checkUntracked(context: AppContext, care: HomeCare): Promise<Finding> {
  if (care.checkState()) return { outcome: 'warn', what: 'not known: see state', hints: [] };
  const { untracked, failures } = await refreshInstances(context);
  if (untracked.length > 0) {
    const hints = untracked.map((machine) => `${machine.key}: ${remarkOnUntracked(machine)}`);
    return { outcome: 'warn', what: `${untracked.length} of your machines`, hints };
  }
  return failures.length === 0 ? ok('none') : { outcome: 'warn', what: 'not known: see provider', hints: [] };
}

/** No version of spuff is older than this. */
const earliestMs = Date.UTC(2026, 0, 1);
const toleratedMs = 5 * 60_000;

async function checkClock(context: AppContext, care: HomeCare): Promise<Finding> {
  const nowMs = context.runtime.now();
  const records = care.checkState()
    ? []
    : (await listInstances(context)).map(({ instance }) => instance.createdAt);
  const latestMs = Math.max(earliestMs, ...records.map((date) => date.getTime()));
  if (nowMs + toleratedMs >= latestMs) return ok(new Date(nowMs).toISOString());
  return {
    outcome: 'fail',
    what: `${new Date(nowMs).toISOString()} is before ${new Date(latestMs).toISOString()}, which has been`,
    hints: ['leases are counted by it; set it: timedatectl set-ntp true'],
  };
}

/** @see https://www.openssh.com/releasenotes.html: 8.7 brings what spuff asks of it */
const oldestSsh = 8.7;

async function checkSsh({ signal }: AppContext): Promise<Finding> {
  const { stderr } = await runProcess(['ssh', '-V'], { timeoutMs: 10_000, signal });
  const version = /^OpenSSH[^0-9]*(\d+\.\d+)/.exec(stderr)?.[1];
  const what = escapeText(stderr.trim(), { singleLine: true });
  if (version !== undefined && Number(version) >= oldestSsh) return ok(what);
  return { outcome: 'fail', what, hints: [`spuff needs OpenSSH ${oldestSsh} or later`] };
}

async function checkKey(context: AppContext): Promise<Finding> {
  const [settings, ssh] = [await context.settings(), await context.ssh()];
  const keys = await ssh.findLoginKeys(settings.sshKey);
  const what = keys.publicKeyPath ?? `${keys.publicKeys.length} in ssh-agent`;
  return keys.notes.length === 0 ? ok(what) : { outcome: 'warn', what, hints: keys.notes };
}

async function configuredProvider(context: AppContext): Promise<Provider> {
  return context.provider((await context.settings()).provider);
}

async function checkProvider(context: AppContext): Promise<Finding> {
  const provider = await configuredProvider(context);
  const { account, missing, missingOptional = [] } = await provider.checkAccess(callOptions(context, 15_000));
  const what = `${provider.id}: ${escapeText(account, { singleLine: true })}`;
  if (missing.length + missingOptional.length === 0) return ok(what);
  const name = (one: string) => escapeText(one, { singleLine: true });
  return {
    outcome: missing.length > 0 ? 'fail' : 'warn',
    what,
    hints: [
      ...missing.map((one) => `missing: ${name(one)}`),
      ...missingOptional.map((one) => `missing, and done without: ${name(one)}`),
    ],
  };
}

async function checkBaseImage(context: AppContext): Promise<Finding> {
  const provider = await configuredProvider(context);
  if (!provider.images) return ok("the provider's own");
  const [newest] = await provider.images.list(callOptions(context, 15_000));
  if (newest) return ok(escapeText(newest.name, { singleLine: true }));
  return {
    outcome: 'warn',
    what: 'none yet; the first spuff up builds it',
    hints: ['build it now: spuff image build'],
  };
}
