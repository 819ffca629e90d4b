import { checkEnvironmentFile, findTimerKind, installTimer, timerKinds } from '../../app/reaper-timer.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { durationOrOff, text } from '../parameters.ts';

export const reaperInstall = defineCommand({
  name: 'reaper install',
  summary: 'have this computer reap by itself',
  details: [
    'By a timer of your systemd, by launchd, or by cron: whichever there is. It runs spuff reap --once for your providers while ' +
      'you are logged in (systemd: loginctl enable-linger makes that always). Run again, it replaces what is there.',
    'No token is written anywhere. It comes from token_command, or from a file of variables that you keep, which must be ' +
      'yours alone (0600), one NAME=value a line.',
  ],
  arguments: {},
  options: {
    every: durationOrOff('how often; 5m'),
    envFile: text('PATH', 'a file of variables with the token', { complete: 'files' }),
    provider: text('PROVIDER', 'at which, several separated by commas', { complete: 'providers' }),
    owner: text('OWNER', 'machines of this owner only'),
    kind: text('KIND', 'systemd, launchd or cron', { choices: timerKinds }),
  },
  examples: [
    { command: 'spuff reaper install', about: 'every five minutes, with the token of token_command' },
    { command: 'spuff reaper install --env-file ~/.config/spuff.env', about: 'with the token of that file' },
  ],
  json: 'reaper-timer',
  run: async ({ options }, cli) => {
    const host = await cli.services.openTimerHost();
    const kind = timerKinds.find((one) => one === options.kind) ?? (await findTimerKind(host));
    const environmentFile =
      options.envFile === undefined ? null : checkEnvironmentFile(options.envFile, host.userId);
    await sayWhereTokenIs(cli, environmentFile);
    const status = await installTimer(host, kind, {
      argv: [
        ...cli.services.program,
        ...['reap', '--once', '--no-input'],
        ...(options.provider === undefined ? [] : ['--provider', options.provider]),
        ...(options.owner === undefined ? [] : ['--owner', options.owner]),
      ],
      environment: { SPUFF_HOME: cli.context.home, PATH: host.env['PATH'] ?? '/usr/bin:/bin' },
      environmentFile,
      everySeconds: Math.round(checkPeriod(options.every) / 1_000),
    });
    if (cli.flags.json) cli.printJson({ version: 1, ...status });
    else cli.print(`a timer of ${kind} reaps from now on; look at it: spuff reaper status`);
  },
});

function checkPeriod(everyMs: number | null | undefined): number {
  if (everyMs === undefined) return 5 * 60_000;
  if (everyMs !== null && everyMs >= 60_000 && everyMs <= 24 * 3_600_000) return everyMs;
  throw new SpuffError('usage', 'a timer reaps once a minute at most, and once a day at least', {
    hints: ['for example: spuff reaper install --every 5m', 'to have none: spuff reaper uninstall'],
  });
}

async function sayWhereTokenIs(cli: Cli, environmentFile: string | null): Promise<void> {
  const { provider, tokenCommand } = await cli.context.settings();
  if (environmentFile !== null) return cli.say(`the token is read from ${environmentFile}, each time`);
  if (tokenCommand !== null) return cli.say('the token comes from token_command, each time');
  const [variable] = cli.services.credentialVariables(provider);
  if (variable === undefined) return;
  cli.context.progress.warn(`the timer has no token for ${provider}: what is in your shell is not in it`, [
    'name a command that prints it: spuff config set token_command "op read op://vault/item/token"',
    `or keep a file with ${variable}=… (chmod 600), and give it: spuff reaper install --env-file PATH`,
  ]);
}
