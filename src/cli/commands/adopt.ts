import { adoptMachines } from '../../app/adopt.ts';
import { defineCommand } from '../command.ts';
import { manyArguments, text } from '../parameters.ts';
import { instanceToJson } from '../render/instance.ts';

export const adopt = defineCommand({
  name: 'adopt',
  summary: 'take machines into the local state that it does not know',
  details: [
    'For when the state was lost, or the machine was made on another computer. What stands on a machine at the provider says ' +
      'its name, its key and its deadline. Its host key does not stand there, and spuff sends nothing to a machine that it ' +
      'cannot prove: without it the instance can be listed, kept as a snapshot and destroyed.',
    "With --host-key it is whole again: your key must be among those that log in. Read the host key at the provider's console, " +
      'not over the network.',
  ],
  arguments: { names: manyArguments('NAME', 'names or keys; without it every machine of yours') },
  options: {
    provider: text('PROVIDER', 'at which provider; the one of the settings', { complete: 'providers' }),
    hostKey: text('KEY', 'what sudo ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key prints there'),
  },
  examples: [
    { command: 'spuff adopt', about: 'all machines of yours' },
    {
      command: 'spuff adopt demo --host-key "ssh-ed25519 AAAA..."',
      about: 'one, so that it can be logged in to',
    },
  ],
  json: 'instances',
  run: async ({ arguments: { names }, options }, cli) => {
    const adopted = await adoptMachines(cli.context, { wanted: names, ...options });
    if (cli.flags.json) {
      cli.printJson({ version: 1, instances: adopted.map(instanceToJson) });
      return;
    }
    if (adopted.length === 0) cli.say('there is nothing that the state does not know');
    for (const { name, key, hostIdentity } of adopted) {
      const how =
        hostIdentity.phase === 'lost'
          ? 'without its host key: it can be listed and destroyed'
          : 'and is whole again';
      cli.print(`${name} (${key}) is adopted, ${how}`);
    }
  },
});
