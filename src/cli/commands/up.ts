import { basename } from 'node:path';
import type { UpPlan, UpRequest } from '../../app/plan-up.ts';
import type { UpPreview } from '../../app/up.ts';
import { formatDuration } from '../../domain/duration.ts';
import { SpuffError } from '../../domain/errors.ts';
import { toGitUrl } from '../../domain/git-url.ts';
import type { Instance } from '../../domain/instance.ts';
import { describeBasis, formatMoney, type MoneyLimit } from '../../domain/money.ts';
import { nearestInstanceName } from '../../domain/names.ts';
import type { Money } from '../../domain/provider.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { openShell } from '../open-shell.ts';
import { durationOrOff, flag, manyArguments, moneyLimit, negated, text } from '../parameters.ts';
import { instanceToJson } from '../render/instance.ts';
import { prefixProgress } from '../render/progress-view.ts';
import { formatFields, formatHourly } from '../render/text.ts';
import type { ProjectWork } from '../set-up-machines.ts';
import { forEachName, type Outcomes } from '../several-errors.ts';
import type { PrebuildUse } from '../start-from-prebuild.ts';

export const up = defineCommand({
  name: 'up',
  summary: 'make a machine, and connect to it',
  details: [
    'Without NAME the instance is named as spuff.yaml says, else after this directory. With several names they are made at ' +
      'the same time. On a terminal a session is opened on a single new machine, unless --no-connect.',
    'Leaving the session, or losing the connection, does not destroy the machine. If making it fails ' +
      'or is stopped with Ctrl-C, what was made is removed again; if spuff itself is killed, the same ' +
      'command goes on where it stood.',
    'In a project its files are then brought there, and the machine is set up as its spuff.yaml asks; what is wrong in the file is said before anything is ' +
      'made. A setup that fails leaves the machine as it is, and the exit status says so: spuff setup goes on with it.',
    'A project that asks for packages, bundles or AI tools starts from a disk that has them, where there is one: spuff prebuild create.',
    'With --max-spend the lease ends before the machine has cost more, by its price and what its provider charges at ' +
      'least; an earlier end by --ttl or max_lifetime stays. Where its price is not known, or is in another currency, nothing is made.',
  ],
  arguments: {
    names: manyArguments('NAME', 'what to call it; the name of the project, or of this directory'),
  },
  options: {
    size: text('SIZE', "the provider's word for it, or what you need: 4cpu-8gb", { complete: 'sizes' }),
    provider: text('PROVIDER', 'at which provider', { complete: 'providers' }),
    region: text('REGION', 'where; several, separated by commas, are tried in turn', { complete: 'regions' }),
    image: text('IMAGE', 'what it starts from', { complete: 'images' }),
    snapshot: text('SNAPSHOT', 'start from a snapshot', { complete: 'snapshots' }),
    spot: flag('cheaper, and the provider may take it back at any time'),
    ttl: durationOrOff('how long it may live at most (8h, 1d, off)'),
    maxSpend: moneyLimit('how much it may cost at most (5EUR, 5.50USD): its lease ends before'),
    overBudget: flag('go on where monthly_budget says no'),
    idleTimeout: durationOrOff('how long without use before it powers off (30m, 2h, off)'),
    clone: text('REPO', 'clone a repository there (owner/repo, git@host:path), with your keys lent'),
    setup: negated('make the machine alone, and leave what spuff.yaml asks of it'),
    prebuild: negated('start from the image, also where there is a prebuild, and make none'),
    connect: negated('do not open a session'),
    dryRun: flag('show what would be made, and make nothing'),
  },
  examples: [
    { command: 'spuff up', about: 'a machine named after this directory, and a session on it' },
    { command: 'spuff up demo --no-connect', about: 'a machine, for later' },
    { command: 'spuff up web db --size 2cpu-4gb --no-connect', about: 'two at the same time' },
    {
      command: 'spuff up demo --ttl 8h --idle-timeout 30m',
      about: 'ends after 8 hours, off after half an hour without use',
    },
    { command: 'spuff up demo --max-spend 5EUR', about: 'ends before it has cost more' },
    {
      command: 'spuff up demo --clone owner/repo',
      about: 'with a repository of yours on it, also a private one',
    },
    { command: 'spuff up demo --dry-run', about: 'what would be made, and what it costs' },
  ],
  json: 'instances',
  onStop: 'stopping; what was begun is undone',
  run: async ({ arguments: { names }, options }, cli) => {
    const { connect, dryRun } = options;
    const clone = options.clone === undefined ? null : toGitUrl(options.clone);
    const wishes = toWishes(options);
    const wanted = distinct(names.length > 0 ? names : [await defaultName(cli)]);
    if (wishes.image !== undefined && wishes.snapshot !== undefined) {
      throw new SpuffError('usage', '--image and --snapshot exclude each other: a snapshot is an image');
    }
    const usesPrebuild = options.setup && options.prebuild && wishes.snapshot === undefined;
    const prebuild = usesPrebuild ? await openPrebuild(cli) : null;
    const wish = { ...wishes, prebuild: prebuild ?? undefined };
    if (dryRun) return preview(cli, wanted, wish);
    const work = options.setup ? await readProject(cli) : null;
    const { results: made, failure } = await makeAll(cli, wanted, wish);
    if (cli.flags.json && (made.length > 0 || failure === null))
      cli.printJson({ version: 1, instances: made.map(instanceToJson) });
    if (failure !== null) throw failure;
    // Before anything of the user's comes to the machine.
    await prebuild?.takeOf(made);
    const instances = await joinEach(cli, made);
    if (work !== null) await setUpEach(cli, instances, work, prebuild);
    await mountEach(cli, instances);
    if (clone !== null) await cloneOnEach(cli, instances, clone);
    const [only] = instances;
    const sits = cli.canAsk && cli.terminal.out.isTerminal;
    if (only && instances.length === 1 && connect && sits && !cli.flags.json)
      return openShell(cli, only, { sshArgs: [], host: !options.setup });
    for (const { name } of instances.slice(0, 1)) {
      cli.say(
        `connect: spuff ssh ${name}   run a command: spuff exec ${name} -- CMD   destroy it: spuff down ${name}`,
      );
    }
    return 0;
  },
});

async function defaultName({ context }: Cli): Promise<string> {
  const project = await context.project();
  const name = project?.name ?? nearestInstanceName(basename(context.directory));
  if (name !== null) return name;
  throw new SpuffError('usage', 'no instance can be named after this directory', {
    hints: ['name it: spuff up demo'],
  });
}

function distinct(names: readonly string[]): readonly string[] {
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice === undefined) return names;
  throw new SpuffError('usage', `${JSON.stringify(twice)} stands twice on the command line`);
}

type Wishes = Omit<UpRequest, 'name'>;

interface WishOptions {
  provider: string | undefined;
  spot: boolean;
  size: string | undefined;
  region: string | undefined;
  image: string | undefined;
  snapshot: string | undefined;
  ttl: number | null | undefined;
  maxSpend: MoneyLimit | undefined;
  overBudget: boolean;
  idleTimeout: number | null | undefined;
}

/** Field by field: a spread would let a flag whose name differs from the request's be dropped without a word. */
function toWishes(options: WishOptions): Required<Omit<Wishes, 'prebuild'>> {
  const { provider, size, image, snapshot, spot, ttl, maxSpend, overBudget, idleTimeout } = options;
  const regions = options.region?.split(',').map((one) => one.trim());
  const lease = { ttlMs: ttl, maxSpend, overBudget, idleTimeoutMs: idleTimeout };
  return { provider, regions, size, image, snapshot, spot, ...lease };
}

async function makeAll(cli: Cli, names: readonly string[], wishes: Wishes): Promise<Outcomes<Instance>> {
  const { upInstance } = await import('../../app/up.ts');
  return forEachName(names, async (name) => {
    const progress = names.length > 1 ? prefixProgress(cli.context.progress, name) : cli.context.progress;
    const instance = await upInstance({ ...cli.context, progress }, { name, ...wishes });
    const where = instance.ssh === null ? '' : `, ${instance.ssh.host}:${instance.ssh.port}`;
    if (!cli.flags.json) cli.print(`${instance.name} is ready (${instance.provider}${where})`);
    return instance;
  });
}

/** Before a machine is made: what is missing is said while nothing costs anything. */
async function readProject(cli: Cli): Promise<ProjectWork | null> {
  const { context } = cli;
  const project = await context.project();
  if (project === null) return null;
  const { askTrust } = await import('../ask-trust.ts');
  await askTrust(cli, project);
  const { readProjectSetup } = await import('../../app/setup-order.ts');
  return { project, setup: await readProjectSetup(context, context.directory) };
}

async function openPrebuild(cli: Cli): Promise<PrebuildUse | null> {
  const project = await cli.context.project();
  if (project === null) return null;
  const { openPrebuildUse } = await import('../start-from-prebuild.ts');
  return openPrebuildUse(cli, project);
}

async function setUpEach(
  cli: Cli,
  instances: readonly Instance[],
  work: ProjectWork,
  prebuild: PrebuildUse | null,
): Promise<void> {
  const { setUpMachines } = await import('../set-up-machines.ts');
  await setUpMachines(cli, instances, work, prebuild?.tellSaving);
}

/** Before the setup: what that fetches may lie in the tailnet. */
async function joinEach(cli: Cli, instances: readonly Instance[]): Promise<readonly Instance[]> {
  const { effectiveSettings } = await import('../../app/effective-settings.ts');
  const { settings } = await effectiveSettings(cli.context);
  if (!settings.tailscale) return instances;
  const { joinTailnet } = await import('../../app/tailnet.ts');
  const joined: Instance[] = [];
  for (const instance of instances) joined.push(await joinTailnet(cli.context, instance, settings));
  return joined;
}

async function mountEach(cli: Cli, instances: readonly Instance[]): Promise<void> {
  if (((await cli.context.project())?.volumes.length ?? 0) === 0) return;
  const { mountAfterUp } = await import('../mount-volumes.ts');
  for (const instance of instances) await mountAfterUp(cli, instance);
}

async function cloneOnEach(cli: Cli, instances: readonly Instance[], url: string): Promise<void> {
  const { cloneRepository } = await import('../../app/clone-repository.ts');
  const { tellRefusals } = await import('../tell-refusals.ts');
  for (const instance of instances) await cloneRepository(cli.context, instance, url, tellRefusals(cli));
}

async function preview(cli: Cli, names: readonly string[], wishes: Wishes): Promise<number> {
  const { previewUp } = await import('../../app/up.ts');
  const previews: UpPreview[] = [];
  for (const name of names) previews.push(await previewUp(cli.context, { name, ...wishes }));
  if (cli.flags.json) cli.printJson({ version: 1, plans: previews.map(toJson) });
  else cli.print(previews.map((one) => describe(one, cli)).join('\n\n'));
  cli.say('nothing was made: this was --dry-run');
  return 0;
}

function describe({ plan, hourly, most, requests }: UpPreview, cli: Cli): string {
  const fields = formatFields(
    [
      ['name', plan.name],
      ['provider', plan.provider],
      ['region', [plan.region, ...plan.otherRegions].join(', then ')],
      ['size', plan.size],
      ['image', plan.image.kind === 'slug' ? plan.image.slug : plan.image.id],
      ['user', plan.user],
      ['price', describePrice(plan, hourly)],
      ['at most', most && formatMoney(most)],
      ['lease', describeLease(plan)],
      ['firewall', describeSources(plan)],
      ['ssh key', plan.keys.publicKeyPath ?? `${plan.keys.publicKeys.length} of your ssh-agent`],
      ['requests', requests.map(({ method, path }) => `${method} ${path}`).join(', ')],
    ],
    cli.paint,
  );
  return fields;
}

function describePrice({ isBilled }: UpPlan, hourly: Money | null): string {
  if (isBilled && hourly === null) return 'not known';
  return hourly === null ? formatHourly(hourly) : `${formatHourly(hourly)} (${describeBasis(hourly.basis)})`;
}

function describeSources({ allowSshFrom }: UpPlan): string {
  if (allowSshFrom === null) return 'SSH from everywhere';
  return allowSshFrom.length === 0 ? 'SSH from nowhere' : `SSH from ${allowSshFrom.join(', ')} only`;
}

function describeLease({ ttlMs, idleTimeoutMs }: UpPlan): string {
  const end = ttlMs === null ? 'no end' : `ends after ${formatDuration(ttlMs)}`;
  return idleTimeoutMs === null ? end : `${end}, off after ${formatDuration(idleTimeoutMs)} without use`;
}

/** The shape `plan` of docs/json.md. */
function toJson({ plan, hourly, most, requests }: UpPreview): object {
  const { keys, clockAheadMs: _, ...rest } = plan;
  return { ...rest, sshPublicKeyPath: keys.publicKeyPath, hourly, most, requests };
}
