import type { Instance } from '../../domain/instance.ts';
import type { Cli } from '../cli.ts';

/** Who may reach port 22: a network a line, or a sentence where it is everybody or nobody. */
export function printSources(cli: Cli, instance: Instance, networks: readonly string[] | null): void {
  if (cli.flags.json) cli.printJson({ version: 1, instance: instance.name, allowSshFrom: networks });
  else if (networks === null) cli.print('everybody: the provider has no filter in front of it');
  else if (networks.length === 0) cli.print('nobody');
  else cli.print(networks.join('\n'));
}
