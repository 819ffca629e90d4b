import { type AllowedHost, allowCommitSigning, allowHost, reloadGuards } from '../../app/guard-allow.ts';
import { SpuffError } from '../../domain/errors.ts';
import { commitSigningModes } from '../../domain/guard.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { optionalArgument, text } from '../parameters.ts';

export const guardAllow = defineCommand({
  name: 'guard allow',
  summary: 'let sessions log in to a host with your keys',
  details: [
    'Writes to guard.yaml, and holds at once for sessions that are open. The host keys are those that your known_hosts has, ' +
      'or the one that you give: as a whole, or by its fingerprint when it was refused before. The network is never asked ' +
      'for a host key.',
    'The host must offer host-bound signatures, as OpenSSH does since 8.9.',
  ],
  arguments: {
    host: optionalArgument('HOST', 'such as git.example.com, or [git.example.com]:2222; or a built-in forge'),
  },
  options: {
    user: text('USER', 'whom a login there may be as (git)'),
    hostKey: text('KEY', "a whole host key, 'ssh-ed25519 AAAA…', or a fingerprint, SHA256:…"),
    commitSigning: text('MODE', 'whether git commits may be signed', { choices: commitSigningModes }),
  },
  examples: [
    { command: 'spuff guard allow git.example.com', about: 'a host that you have logged in to before' },
    {
      command: 'spuff guard allow git.example.com --host-key SHA256:2Yc…',
      about: 'one that was refused, by the fingerprint that the refusal named',
    },
    { command: 'spuff guard allow --commit-signing confirm', about: 'sign commits, each after a question' },
  ],
  run: async ({ arguments: { host }, options }, cli) => {
    const mode = readMode(options.commitSigning);
    if (
      host === undefined &&
      (mode === undefined || options.user !== undefined || options.hostKey !== undefined)
    ) {
      throw new SpuffError('usage', 'which host?', {
        hints: ['name it, for example: spuff guard allow git.example.com'],
      });
    }
    if (host !== undefined) {
      printAllowed(cli, await allowHost(cli.context, { host, user: options.user, hostKey: options.hostKey }));
    }
    if (mode !== undefined) {
      await allowCommitSigning(cli.context, mode);
      cli.print(`commit signing: ${mode}`);
    }
    const guards = await reloadGuards(cli.context);
    if (guards.length > 0) cli.say(`it holds for the ${guards.length} that run, too`);
  },
});

function readMode(written: string | undefined) {
  const mode = commitSigningModes.find((candidate) => candidate === written);
  if (written === undefined || mode !== undefined) return mode;
  throw new SpuffError('usage', `${JSON.stringify(written)} is not a way to sign commits`, {
    hints: [`there are: ${commitSigningModes.join(', ')}`],
  });
}

function printAllowed(cli: Cli, { host, users, keys, from, changed }: AllowedHost): void {
  cli.print(`${host} is allowed${changed ? '' : ' already'}, as ${users.join(', ')}`);
  for (const { fingerprint, type } of keys) cli.print(`  ${fingerprint} (${type})`);
  if (keys.length > 0) cli.say(`the host keys are from ${from}`);
}
