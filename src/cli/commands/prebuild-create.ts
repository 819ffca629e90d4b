import { buildPrebuild, findUsablePrebuild, nothingInIt } from '../../app/build-prebuild.ts';
import { priceSnapshots } from '../../app/snapshot-cost.ts';
import { formatDuration } from '../../domain/duration.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { ListedPrebuild } from '../../domain/prebuild.ts';
import type { ProjectFile } from '../../domain/project.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, text } from '../parameters.ts';
import { prebuildToJson } from '../render/prebuild.ts';

export const prebuildCreate = defineCommand({
  name: 'prebuild create',
  summary: "keep a disk on which the project's packages, bundles and AI tools are installed",
  details: [
    'Makes a machine, installs them, cleans its disk, keeps that, and destroys the machine, which lives for two hours at most. No ' +
      'variable, key, repository or file of yours comes to it. The next spuff up of the project at the same provider starts from it, ' +
      'as long as spuff.yaml asks for the same.',
    'With prebuild: auto in spuff.yaml the first spuff up does this on its own machine, before anything of yours comes to that.',
  ],
  arguments: {},
  options: {
    provider: text('PROVIDER', 'at which provider', { complete: 'providers' }),
    region: text('REGION', 'where', { complete: 'regions' }),
    size: text('SIZE', 'of the machine; one with a larger disk is of no use to others', {
      complete: 'sizes',
    }),
    image: text('IMAGE', 'what it stands on', { complete: 'images' }),
    again: flag('also where there is one already'),
  },
  examples: [
    { command: 'spuff prebuild create', about: 'for the project of this directory' },
    { command: 'spuff prebuild create --again', about: 'anew, with what Debian has updated since' },
  ],
  json: 'prebuilds',
  onStop: 'stopping; the machine is destroyed',
  run: async ({ options: { provider, region, size, image, again } }, cli) => {
    const project = await readProject(cli);
    const request = { provider, size, image, regions: region === undefined ? undefined : [region] };
    const there = again ? null : await findUsablePrebuild(cli.context, project, request);
    const made = there ?? (await buildPrebuild(cli.context, project, request));
    await tell(cli, made);
    if (cli.flags.json) return;
    const { coldSetupMs } = made;
    cli.say(
      there
        ? 'it was there already: --again makes a new one'
        : `saves ${formatDuration(coldSetupMs)} at the next: spuff up`,
    );
  },
});

async function readProject({ context }: Cli): Promise<ProjectFile> {
  const project = await context.project();
  if (project === null) {
    throw new SpuffError('not-found', 'this directory belongs to no project', {
      hints: ['begin one: spuff init --project'],
    });
  }
  const { bundles, packages, aiTools, repositories, dotfiles } = project;
  const asksForTools = aiTools !== 'none' && aiTools.length > 0;
  const isEmpty = bundles.length + packages.length + repositories.length === 0 && dotfiles === null;
  if (isEmpty && !asksForTools) throw nothingInIt(project);
  return project;
}

async function tell(cli: Cli, made: ListedPrebuild): Promise<void> {
  if (!cli.flags.json) {
    cli.print(made.snapshot.name);
    return;
  }
  const [priced] = await priceSnapshots(cli.context, [made]);
  cli.printJson({ version: 1, prebuilds: [prebuildToJson({ ...made, monthly: priced?.monthly ?? null })] });
}
