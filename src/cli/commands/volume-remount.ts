import { findReadyInstance } from '../../app/find-instance.ts';
import { listVolumes, mountVolume, unmountVolume } from '../../app/volumes.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { volumeToJson } from '../render/volume.ts';

export const volumeRemount = defineCommand({
  name: 'volume remount',
  summary: 'mount the folders of an instance anew, in the same places',
  details: ['For mounts that are silent or broken. Programs that have files of them open get errors.'],
  arguments: { name: instanceArgument },
  options: {},
  examples: [{ command: 'spuff volume remount demo', about: 'after the network was gone for long' }],
  json: 'volumes',
  run: async ({ arguments: { name } }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const mounts = await listVolumes(cli.context, { key: instance.key });
    if (mounts.length === 0) {
      throw new SpuffError('not-found', `nothing of ${instance.name} is mounted`, {
        hints: [`mount it: spuff volume mount ${instance.name}`],
      });
    }
    for (const mount of mounts) {
      await unmountVolume(cli.context, mount, { lazy: true });
      await mountVolume(cli.context, instance, { ...mount, source: null }, null);
      if (!cli.flags.json) cli.print(`${mount.mountPoint} shows ${mount.target} of ${instance.name}`);
    }
    if (cli.flags.json)
      cli.printJson({
        version: 1,
        volumes: mounts.map((mount) => volumeToJson(mount, { state: 'mounted' })),
      });
  },
});
