import { effectiveSettings } from '../../app/effective-settings.ts';
import { findReadyInstance } from '../../app/find-instance.ts';
import { joinTailnet } from '../../app/tailnet.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { instanceToJson } from '../render/instance.ts';

export const tailnetJoin = defineCommand({
  name: 'tailnet join',
  summary: 'put an instance into your tailnet',
  details: [
    'spuff up does it as well, with tailscale on. The auth key comes from TS_AUTHKEY or tailscale_key_command, and goes to the machine over ' +
      'SSH to its pinned host key. From then on the instance is reached by the tailnet where that works.',
    'With tailscale_close_public_ssh port 22 is closed to everybody else, once the machine was reached by the tailnet from this computer.',
  ],
  arguments: { name: instanceArgument },
  options: {},
  examples: [
    { command: 'spuff tailnet join demo', about: 'also again, after the key or the tags have changed' },
  ],
  json: 'instances',
  run: async ({ arguments: { name } }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    const { settings } = await effectiveSettings(cli.context);
    const joined = await joinTailnet(cli.context, instance, settings);
    if (cli.flags.json) cli.printJson({ version: 1, instances: [instanceToJson(joined)] });
    else if (joined.tailnet !== null) {
      const { host, isPublicClosed } = joined.tailnet;
      cli.print(`${joined.name} is reached as ${host}${isPublicClosed ? ', and by nothing else' : ''}`);
    }
    return joined.tailnet === null ? 1 : 0;
  },
});
