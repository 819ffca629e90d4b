import { downInstance } from '../../app/down.ts';
import { findInstance } from '../../app/find-instance.ts';
import { checkSnapshotName, defaultSnapshotName } from '../../app/snapshots.ts';
import { errorCodes, SpuffError } from '../../domain/errors.ts';
import type { Instance } from '../../domain/instance.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, manyArguments, negated, optionalText } from '../parameters.ts';
import { instanceToJson } from '../render/instance.ts';
import { prefixProgress } from '../render/progress-view.ts';
import { forEachName, type Outcomes } from '../several-errors.ts';

export const down = defineCommand({
  name: 'down',
  summary: 'destroy instances, and everything that belongs to them',
  details: [
    'What is named is destroyed without a question. Before it destroys what you did not name (with ' +
      '--all, or with no NAME at all) it asks; where it cannot ask, that takes --force.',
    'An instance that was left half made or half destroyed is removed completely. With --snapshot ' +
      'the disk is kept first; if that fails nothing is destroyed, unless --force.',
    'Before that it runs /etc/spuff/pre-down on the machine, if there is one, as the login user and for a ' +
      'minute at most (pre_down_timeout). Its failure is a warning.',
    'With the setting rescue: on it then saves the work that lies nowhere else, as spuff rescue does. If that fails nothing is destroyed, ' +
      'unless --force, or --snapshot, which keeps all of it.',
  ],
  arguments: {
    names: manyArguments('NAME', 'the instances; without it the one of this directory, or the only one', {
      complete: 'instances',
    }),
  },
  options: {
    all: flag('every instance', { short: 'a' }),
    snapshot: optionalText(
      'SNAPSHOT',
      'keep the disk first, named after the instance and the time; --snapshot=NAME names it',
    ),
    rescue: negated('save no work first, whatever the setting rescue says'),
    force: flag('do not ask, run no pre-down hook, and destroy also when saving work or the snapshot fails', {
      short: 'f',
    }),
  },
  examples: [
    { command: 'spuff down demo', about: 'destroy demo' },
    { command: 'spuff down demo --snapshot', about: 'keep its disk, then destroy it' },
    { command: 'spuff down demo --snapshot=before-upgrade', about: 'the same, under a name' },
    { command: 'spuff down demo --no-rescue', about: 'destroy demo with all work that is only there' },
    { command: 'spuff down --all --force', about: 'destroy every instance without a question' },
  ],
  json: 'instances',
  onStop: 'stopping; the same command finishes what is left half destroyed',
  run: async ({ arguments: { names }, options }, cli) => {
    if (typeof options.snapshot === 'string') checkSnapshotName(options.snapshot);
    const instances = await chooseInstances(cli, names, options.all);
    if (typeof options.snapshot === 'string' && instances.length > 1) {
      throw new SpuffError('usage', 'one snapshot name cannot serve several instances', {
        hints: ['leave the name out: spuff down --all --snapshot'],
      });
    }
    if (instances.length === 0) {
      cli.say('there is nothing to destroy');
    } else if (names.length === 0 && !options.force && !(await hasConsent(cli, instances))) {
      cli.say('nothing was destroyed');
      return errorCodes.interrupted.exitStatus;
    }
    const { results, failure } = await destroyAll(cli, instances, options);
    if (cli.flags.json && (results.length > 0 || failure === null))
      cli.printJson({
        version: 1,
        instances: results.map(({ instance }) => instanceToJson(instance)),
        kept: results.map(({ instance: { key }, snapshot, rescue }) => ({ key, snapshot, rescue })),
      });
    if (failure !== null) throw failure;
    return 0;
  },
});

async function chooseInstances(cli: Cli, names: readonly string[], all: boolean): Promise<Instance[]> {
  if (all && names.length > 0) throw new SpuffError('usage', '--all and names exclude each other');
  if (all) return (await cli.context.state()).listInstances();
  if (names.length === 0) return [await findInstance(cli.context, undefined)];
  return Promise.all([...new Set(names)].map((name) => findInstance(cli.context, name)));
}

/** @throws SpuffError `usage` when there is nobody to ask */
async function hasConsent(cli: Cli, instances: readonly Instance[]): Promise<boolean> {
  const names = instances.map(({ name }) => name);
  if (cli.canAsk) return cli.services.questions.confirm(`Destroy ${names.join(', ')}?`, false);
  throw new SpuffError('usage', `not sure that you mean ${names.join(', ')}, and nobody is there to ask`, {
    hints: [`name it: spuff down ${names.join(' ')}`, 'or add --force'],
  });
}

interface Destroyed {
  instance: Instance;
  /** What is kept of it, by name. */
  snapshot: string | null;
  rescue: string | null;
}

async function destroyAll(
  cli: Cli,
  instances: readonly Instance[],
  options: { snapshot: string | true | undefined; force: boolean; rescue: boolean },
): Promise<Outcomes<Destroyed>> {
  const byName = new Map(instances.map((instance) => [instance.name, instance]));
  return forEachName([...byName.keys()], async (name) => {
    const instance = byName.get(name) as Instance;
    const progress = byName.size > 1 ? prefixProgress(cli.context.progress, name) : cli.context.progress;
    const snapshot =
      options.snapshot === true
        ? defaultSnapshotName(name, cli.context.runtime.now())
        : (options.snapshot ?? null);
    const { kept, rescued } = await downInstance({ ...cli.context, progress }, instance, {
      snapshot,
      force: options.force,
      rescue: options.rescue,
    });
    if (kept !== null && !cli.flags.json)
      cli.print(`kept as snapshot ${kept}: spuff up ${name} --snapshot ${kept}`);
    return { instance, snapshot: kept, rescue: rescued };
  });
}
