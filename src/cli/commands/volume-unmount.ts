import { resolve } from 'node:path';
import { findInstance } from '../../app/find-instance.ts';
import { listVolumes, unmountVolume } from '../../app/volumes.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { flag, optionalArgument } from '../parameters.ts';
import { volumeToJson } from '../render/volume.ts';

export const volumeUnmount = defineCommand({
  name: 'volume unmount',
  summary: 'take folders of an instance away from this computer',
  details: [
    'What is on the machine stays. A folder that a program has a file open in stays too, unless --force: then the program gets ' +
      'errors. Works also when the machine is gone.',
  ],
  arguments: {
    which: optionalArgument(
      'NAME/FOLDER',
      'an instance, or one folder where something is mounted; the instance of this directory',
      {
        complete: 'instances',
      },
    ),
  },
  options: { force: flag('also what is in use') },
  examples: [
    { command: 'spuff volume unmount demo', about: 'all folders of demo' },
    { command: 'spuff volume unmount ./logs', about: 'this one' },
    { command: 'spuff volume unmount demo --force', about: 'also those that are in use' },
  ],
  json: 'volumes',
  run: async ({ arguments: { which }, options: { force } }, cli) => {
    const all = await listVolumes(cli.context, { key: null });
    const folder = which === undefined ? null : resolve(cli.context.directory, which);
    const byPlace = all.filter(
      ({ mountPoint, name, key }) => mountPoint === folder || name === which || key === which,
    );
    const key = byPlace.length > 0 ? null : (await findInstance(cli.context, which)).key;
    const wanted = byPlace.length > 0 ? byPlace : all.filter((mount) => mount.key === key);
    if (wanted.length === 0) {
      throw new SpuffError('not-found', 'nothing of it is mounted here', {
        hints: ['see what is: spuff volume ls'],
      });
    }
    for (const mount of wanted) {
      await unmountVolume(cli.context, mount, { lazy: force });
      if (!cli.flags.json) cli.print(`${mount.mountPoint} is not mounted any more`);
    }
    if (cli.flags.json)
      cli.printJson({
        version: 1,
        volumes: wanted.map((mount) => volumeToJson(mount, { state: 'not-mounted' })),
      });
  },
});
