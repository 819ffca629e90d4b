import { findTimerKind, timerKinds, timerStatus } from '../../app/reaper-timer.ts';
import { defineCommand } from '../command.ts';
import { text } from '../parameters.ts';

export const reaperStatus = defineCommand({
  name: 'reaper status',
  summary: 'say whether a timer reaps on this computer',
  arguments: {},
  options: { kind: text('KIND', 'systemd, launchd or cron', { choices: timerKinds }) },
  examples: [{ command: 'spuff reaper status', about: 'whether there is one, and whether it runs' }],
  json: 'reaper-timer',
  run: async ({ options }, cli) => {
    const host = await cli.services.openTimerHost();
    const kind = timerKinds.find((one) => one === options.kind) ?? (await findTimerKind(host));
    const status = await timerStatus(host, kind);
    if (cli.flags.json) return cli.printJson({ version: 1, ...status });
    if (!status.installed)
      return cli.print('no timer reaps on this computer; install one: spuff reaper install');
    cli.print(`a timer of ${kind} is installed${status.active ? '' : ', and does not run'}`);
    for (const file of status.files) cli.print(`  ${file}`);
  },
});
