import { findTimerKind, timerKinds, uninstallTimer } from '../../app/reaper-timer.ts';
import { defineCommand } from '../command.ts';
import { text } from '../parameters.ts';

export const reaperUninstall = defineCommand({
  name: 'reaper uninstall',
  summary: 'take the timer away that reaps',
  details: ['Nothing of it is left. A file of variables that you gave it stays yours.'],
  arguments: {},
  options: { kind: text('KIND', 'systemd, launchd or cron', { choices: timerKinds }) },
  examples: [{ command: 'spuff reaper uninstall', about: 'whether or not there is one' }],
  run: async ({ options }, cli) => {
    const host = await cli.services.openTimerHost();
    const kind = timerKinds.find((one) => one === options.kind) ?? (await findTimerKind(host));
    await uninstallTimer(host, kind);
    cli.print('no timer reaps on this computer');
  },
});
