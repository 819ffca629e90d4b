/** Debian packages in one transaction, without those that can't be had: each of them is named. */
import { aptInstallStep, updateAptStep } from '../../domain/bundle-steps.ts';
import { escapeText } from '../../lib/escape.ts';
import type { Command, CommandEnd } from './run-logged.ts';
import { describeEnd } from './run-logged.ts';
import type { PartOutcome, PartTools } from './setup-scene.ts';
import type { SetupItem } from './status-board.ts';

/** What first boots and upgrades hold; apt waits for dpkg's lock itself, but not for that of its lists. */
const lockHeld =
  /could not get lock|unable to (?:acquire|lock)|is another process using it|temporarily unavailable/i;
const lockRetries = 60;
const lockPauseMs = 5_000;

/** `name`, `name:arch`, `name=version`, `name/suite`. At the end a hyphen would mean: remove it. */
const packageSpec = /^[a-z0-9][a-z0-9+.-]*(?<!-)(?::[a-z0-9-]+)?(?:=[A-Za-z0-9.+:~-]+|\/[a-z0-9.-]+)?$/;

interface Trouble {
  spec: string;
  why: string;
}

/**
 * Installs what is missing of `wanted`.
 * @param own those that the user has named: they decide how it ended; what bundles want is theirs to tell
 */
export async function installPackages(
  tools: PartTools,
  wanted: readonly string[],
  own: readonly string[],
): Promise<PartOutcome> {
  return tools.locks.apt(async () => {
    const installed = await listInstalled(tools, wanted);
    const missing = wanted.filter((spec) => !isInstalled(spec, installed));
    const troubles = missing.length === 0 ? [] : await installMissing(tools, missing);
    return toOutcome(troubles, { wanted, own, missing });
  });
}

function toOutcome(
  troubles: readonly Trouble[],
  { wanted, own, missing }: Record<'wanted' | 'own' | 'missing', readonly string[]>,
): PartOutcome {
  const whys = new Map(troubles.map(({ spec, why }) => [spec, why]));
  const items: SetupItem[] = wanted
    .filter((spec) => own.includes(spec) || whys.has(spec))
    .map((name) => {
      const why = whys.get(name);
      return { name, state: why === undefined ? 'done' : 'failed', detail: why ?? null };
    });
  const failed = own.filter((spec) => whys.has(spec));
  if (failed.length > 0) {
    const named = failed.map((spec) => `${escapeText(spec, { singleLine: true })}: ${whys.get(spec)}`);
    return { state: 'failed', detail: named.join('; '), items };
  }
  const others = troubles.map(({ spec }) => spec);
  const left = others.length === 0 ? '' : `, without ${others.join(', ')}`;
  const installed = missing.length - others.length;
  const count = `${installed} ${installed === 1 ? 'package' : 'packages'} installed`;
  return { state: 'done', detail: missing.length === 0 ? 'all there already' : count + left, items };
}

async function installMissing(tools: PartTools, missing: readonly string[]): Promise<Trouble[]> {
  const troubles: Trouble[] = missing
    .filter((spec) => !packageSpec.test(spec))
    .map((spec) => ({ spec, why: 'this can not be the name of a package' }));
  const plain = missing.filter((spec) => packageSpec.test(spec));
  tools.tell('reading the lists of packages');
  const updated = await runApt(tools, updateAptStep.argv);
  if (updated.exitCode !== 0) tools.log(`the lists could not be brought up to date: ${describeEnd(updated)}`);
  const { good, bad } = await sortOut(tools, plain);
  troubles.push(...bad);
  if (good.length === 0) return troubles;
  tools.tell(`installing ${good.length} packages`);
  const ended = await runApt(tools, aptInstallStep(good).argv);
  if (ended.exitCode === 0) return troubles;
  // Half of them may be there: what is said of the others is the end of the transaction.
  const installed = await listInstalled(tools, good);
  const why = describeEnd(ended);
  return [
    ...troubles,
    ...good.filter((spec) => !isInstalled(spec, installed)).map((spec) => ({ spec, why })),
  ];
}

/** Asks apt what it would do: first with all of them, then, if it says no, one by one and with those before. */
async function sortOut(
  tools: PartTools,
  specs: readonly string[],
): Promise<{ good: string[]; bad: Trouble[] }> {
  const bad: Trouble[] = [];
  const known = await refuseUnknown(tools, specs, bad);
  if (known.length === 0 || (await simulate(tools, known)) === null) return { good: known, bad };
  const good: string[] = [];
  for (const spec of known) {
    const why = (await simulate(tools, [spec])) ?? (await simulate(tools, [...good, spec]));
    if (why === null) good.push(spec);
    else bad.push({ spec, why });
  }
  return { good, bad };
}

/** apt reads a name with a dot that it doesn't know as a pattern, and would install all that it matches. */
async function refuseUnknown(tools: PartTools, specs: readonly string[], bad: Trouble[]): Promise<string[]> {
  const dotted = specs.filter((spec) => nameOf(spec).includes('.'));
  if (dotted.length === 0) return [...specs];
  const { stdout } = await tools.ask(asRoot(['apt-cache', 'policy', '--', ...dotted.map(nameOf)]));
  const known = new Set(stdout.split('\n').flatMap((line) => /^(\S+):$/.exec(line)?.[1] ?? []));
  const isKnown = (spec: string) => !dotted.includes(spec) || known.has(nameOf(spec));
  bad.push(
    ...specs.filter((spec) => !isKnown(spec)).map((spec) => ({ spec, why: 'there is no such package' })),
  );
  return specs.filter(isKnown);
}

/** @returns why apt would not do it; null: it would */
async function simulate(tools: PartTools, specs: readonly string[]): Promise<string | null> {
  const argv = ['apt-get', '--quiet', '--simulate', '--no-install-recommends', 'install', '--', ...specs];
  const ended = await tools.ask(asRoot(argv));
  if (ended.exitCode === 0) return null;
  const complaint = ended.lastLines.filter((line) => line.startsWith('E:')).at(-1);
  if (complaint !== undefined && /unable to locate package/i.test(complaint))
    return 'there is no such package';
  return complaint === undefined
    ? describeEnd(ended)
    : escapeText(complaint.slice(2).trim(), { singleLine: true });
}

async function runApt(tools: PartTools, argv: readonly string[]): Promise<CommandEnd> {
  for (let attempt = 1; ; attempt++) {
    const ended = await tools.exec(asRoot(argv));
    const isHeld = ended.exitCode !== 0 && ended.lastLines.some((line) => lockHeld.test(line));
    if (!isHeld || attempt === lockRetries) return ended;
    tools.tell('waiting: another program installs packages');
    await tools.sleep(lockPauseMs);
  }
}

/** The names of those that are wholly installed, with and without their architecture. */
export async function listInstalled(
  tools: Pick<PartTools, 'ask'>,
  specs: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const names = specs.map(nameOf);
  if (names.length === 0) return new Map();
  const format = '${db:Status-Status}\\t${Package}\\t${Architecture}\\t${Version}\\n';
  // It exits with 1 where it knows one of them not, and tells of the others all the same.
  const { stdout } = await tools.ask(
    asRoot(['dpkg-query', '--show', `--showformat=${format}`, '--', ...names]),
  );
  const found = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [status, name, architecture, version] = line.split('\t');
    if (status !== 'installed' || !name || version === undefined) continue;
    found.set(name, version);
    found.set(`${name}:${architecture}`, version);
  }
  return found;
}

export function isInstalled(spec: string, installed: ReadonlyMap<string, string>): boolean {
  const version = installed.get(nameOf(spec));
  const wanted = /=(.*)$/.exec(spec)?.[1];
  return version !== undefined && (wanted === undefined || wanted === version);
}

function nameOf(spec: string): string {
  return spec.replace(/[=/].*$/, '');
}

function asRoot(argv: readonly string[]): Command {
  return { argv, asUser: false, env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' } };
}
