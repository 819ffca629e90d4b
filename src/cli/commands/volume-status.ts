import { findInstance } from '../../app/find-instance.ts';
import { checkVolumes, listVolumes } from '../../app/volumes.ts';
import { defineCommand } from '../command.ts';
import { wishedVolumes } from '../mount-volumes.ts';
import { instanceArgument } from '../parameters.ts';
import { volumeTable, volumeToJson } from '../render/volume.ts';

export const volumeStatus = defineCommand({
  name: 'volume status',
  summary: 'show whether the folders of an instance are mounted, and answer',
  details: [
    'Each mount has three seconds to answer. One that is silent waits for its machine; one that is broken has lost the program ' +
      'behind it: spuff volume remount.',
  ],
  arguments: { name: instanceArgument },
  options: {},
  examples: [
    {
      command: 'spuff volume status',
      about: 'the instance of this directory, and what its project asks for',
    },
    { command: 'spuff volume status demo --json', about: 'the same for a program' },
  ],
  json: 'volumes',
  run: async ({ arguments: { name } }, cli) => {
    const instance = await findInstance(cli.context, name);
    const mounts = await listVolumes(cli.context, { key: instance.key });
    const health = await checkVolumes(cli.context, mounts);
    const there = mounts.map((mount, index) => ({ mount, state: health[index] ?? ('broken' as const) }));
    const { volumes } = await wishedVolumes(cli, instance);
    const absent = volumes
      .filter(({ mountPoint }) => !mounts.some((mount) => mount.mountPoint === mountPoint))
      .map(({ target, mountPoint }) => ({
        mount: { key: instance.key, name: instance.name, target, mountPoint },
        state: 'not-mounted' as const,
      }));
    const shown = [...there, ...absent];
    if (cli.flags.json)
      cli.printJson({ version: 1, volumes: shown.map(({ mount, state }) => volumeToJson(mount, { state })) });
    else if (shown.length === 0) cli.say(`nothing of ${instance.name} is mounted, or is to be`);
    else cli.print(volumeTable(shown, cli.paint));
  },
});
