import { findReadyInstance } from '../../app/find-instance.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { mountForCommand } from '../mount-volumes.ts';
import { instanceArgument, text } from '../parameters.ts';

export const volumeMount = defineCommand({
  name: 'volume mount',
  summary: 'show folders of an instance on this computer',
  details: [
    'By sshfs, over SSH to the pinned key: those under volumes in spuff.yaml, or the one that --folder names. spuff up does it as ' +
      'well. They are taken away before the machine is destroyed.',
    'Links on the machine are followed there, and programs of it are not run here: whatever is on it can not lead to your own files.',
  ],
  arguments: { name: instanceArgument },
  options: {
    folder: text('FOLDER', 'of the machine: absolute, or relative to the home'),
    at: text('FOLDER', "an empty folder here; without it one under spuff's home"),
  },
  examples: [
    { command: 'spuff volume mount', about: 'those of the project' },
    {
      command: 'spuff volume mount demo --folder data',
      about: '~/data of demo, at ~/.spuff/volumes/demo/data',
    },
    { command: 'spuff volume mount demo --folder /var/log --at ./logs', about: 'another one, seen here' },
  ],
  json: 'volumes',
  onStop: 'stopping; what is mounted stays',
  run: async ({ arguments: { name }, options: { folder, at } }, cli) => {
    if (at !== undefined && folder === undefined)
      throw new SpuffError('usage', '--at is for one folder: name it with --folder');
    const instance = await findReadyInstance(cli.context, name);
    await mountForCommand(cli, instance, folder === undefined ? null : { folder, at });
  },
});
