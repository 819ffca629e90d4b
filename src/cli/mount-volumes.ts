import { resolve } from 'node:path';
import { mountVolume, toVolumes } from '../app/volumes.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { Volume } from '../domain/volume.ts';
import type { Cli } from './cli.ts';
import { volumeToJson } from './render/volume.ts';

export interface WishedVolumes {
  volumes: Volume[];
  /** What they have to be in; null: nothing. */
  root: string | null;
}

/** What the project of an instance asks for. */
export async function wishedVolumes({ context }: Cli, instance: Instance): Promise<WishedVolumes> {
  const project = await context.project(instance.directory);
  if (project === null) return { volumes: [], root: null };
  const { root } = project;
  return { volumes: toVolumes(project.volumes, { root, home: context.home, instance }), root };
}

/** @param named null: what the project asks for */
export async function mountForCommand(
  cli: Cli,
  instance: Instance,
  named: { folder: string; at: string | undefined } | null,
): Promise<void> {
  const { volumes, root } =
    named === null ? await wishedVolumes(cli, instance) : nameVolume(cli, instance, named);
  if (volumes.length === 0) {
    throw new SpuffError(
      'not-found',
      `no folder is named, and ${instance.directory} has no spuff.yaml with volumes`,
      {
        hints: [`name one: spuff volume mount ${instance.name} --folder data`],
      },
    );
  }
  for (const volume of volumes) {
    const isNew = await mountVolume(cli.context, instance, volume, root);
    if (cli.flags.json) continue;
    cli.print(`${volume.mountPoint} shows ${volume.target} of ${instance.name}${isNew ? '' : ' already'}`);
  }
  if (!cli.flags.json) return;
  const { name, key } = instance;
  cli.printJson({
    version: 1,
    volumes: volumes.map(({ target, mountPoint }) =>
      volumeToJson({ name, key, target, mountPoint }, { state: 'mounted' }),
    ),
  });
}

function nameVolume(
  { context }: Cli,
  instance: Instance,
  { folder, at }: { folder: string; at: string | undefined },
): WishedVolumes {
  const wish = { source: null, target: folder, mountPoint: null };
  const [volume] = toVolumes([wish], { root: context.directory, home: context.home, instance });
  if (volume === undefined) throw new TypeError('a wish gives a volume');
  return {
    volumes: [at === undefined ? volume : { ...volume, mountPoint: resolve(context.directory, at) }],
    root: null,
  };
}

/** At `up`: a machine is of use without its folders here, so what goes wrong is a warning. */
export async function mountAfterUp(cli: Cli, instance: Instance): Promise<void> {
  const { volumes, root } = await wishedVolumes(cli, instance);
  for (const volume of volumes) {
    try {
      await mountVolume(cli.context, instance, volume, root);
      cli.say(`${volume.mountPoint} shows ${volume.target} of ${instance.name}`);
    } catch (error) {
      if (!(error instanceof SpuffError) || ['interrupted', 'internal'].includes(error.code)) throw error;
      cli.context.progress.warn(`${volume.target} is not seen here: ${error.message}`, error.hints);
    }
  }
}
