import { findReadyInstance } from '../../app/find-instance.ts';
import { leaveTailnet } from '../../app/tailnet.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { instanceArgument } from '../parameters.ts';
import { instanceToJson } from '../render/instance.ts';

export const tailnetLeave = defineCommand({
  name: 'tailnet leave',
  summary: 'take an instance out of your tailnet',
  details: ['spuff down does it as well, before the machine is destroyed.'],
  arguments: { name: instanceArgument },
  options: {},
  examples: [{ command: 'spuff tailnet leave demo', about: 'reached by its public address again' }],
  json: 'instances',
  run: async ({ arguments: { name } }, cli) => {
    const { context } = cli;
    const instance = await findReadyInstance(context, name);
    if (instance.tailnet?.isPublicClosed) {
      throw new SpuffError('conflict', `${instance.name} is reached by the tailnet alone`, {
        hints: [`open port 22 to your address before: spuff firewall allow ${instance.name}`],
      });
    }
    const hasLeft = await leaveTailnet(context, instance, 30_000);
    const left = (await context.state()).updateInstance(instance.key, { tailnet: null });
    if (!hasLeft)
      context.progress.warn(`${instance.name} did not answer`, [
        'remove it at https://login.tailscale.com/admin/machines, unless it is ephemeral',
      ]);
    if (cli.flags.json) cli.printJson({ version: 1, instances: [instanceToJson(left)] });
    else cli.print(`${left.name} is reached by its public address`);
  },
});
