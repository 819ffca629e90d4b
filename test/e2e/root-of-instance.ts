/** The machine of an instance that the built CLI has made, seen as root and past sshd. */

import { runOnMachine } from '../machine/run-on-machine.ts';
import type { RootOnMachine } from '../machine/search-machine.ts';
import type { SpuffHome } from './spuff-process.ts';

export async function rootOf(home: SpuffHome, name: string): Promise<RootOnMachine> {
  const { stdout } = await home.ok(['ls', '--json']);
  const { instances } = JSON.parse(stdout) as { instances: { name: string; key: string }[] };
  const key = instances.find((instance) => instance.name === name)?.key;
  if (key === undefined) throw new Error(`there is no instance ${name}`);
  return {
    ok: async (argv, options = {}) => {
      const result = await runOnMachine({ name: `spuff-${key}` }, argv, options.stdin ?? '');
      if (result.exitCode === 0) return result.stdout;
      throw new Error(`${argv.join(' ')}: ${result.exitCode}\n${result.stdout}${result.stderr}`);
    },
  };
}
