/**
 * Where the setup of a project keeps what on the machine. Who writes there (the CLI over SSH, the unit as root) and who
 * reads (the agent, sessions) have the names from here.
 */

export const setupUnit = 'spuff-setup.service';
export const setupRestoreUnit = 'spuff-setup-restore.service';

/** There while the unit runs, however it comes to its end: systemd makes and removes it. */
export const setupRunningPath = '/run/spuff-setup';

/** The order and what to do with it, for root alone, and in memory. */
export const setupOrderFolder = '/run/spuff/setup';
export const orderFile = 'order.json';
/** Taken away by the run that it is for. */
export const requestFile = 'request.json';

/** What sessions of the login user take their variables from, and the scripts that are being run: in memory. */
export const sessionEnvFolder = '/run/spuff/env';

/** How far it is, and what was asked for, without the values of variables: of this machine alone. */
export const setupStateFolder = '/var/lib/spuff/setup';
export const statusFile = 'status.json';
export const configFile = 'config.json';

/** What is done and lies on the disk: it goes with a snapshot of it. */
export const setupDoneFolder = '/usr/lib/spuff/setup';

/** Not in the agent's own folder of logs: root writes here, and would follow a link that somebody put there. */
export const setupLogFolder = '/var/log/spuff-setup';

/** The agent makes it to have the unit started; what it says is not read. */
export const setupTriggerPath = '/run/spuff-agent/setup';
