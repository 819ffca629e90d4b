/** The files that have a reaper run by itself, as data: for systemd's user manager, launchd and cron. Pure. */
import { SpuffError } from './errors.ts';

export interface ReaperTimer {
  /** The program and its arguments. */
  argv: readonly string[];
  /** What it needs of the environment. Never a credential. */
  environment: Readonly<Record<string, string>>;
  /** A file of variables that the user keeps, with the token; null: `token_command` gives it. */
  environmentFile: string | null;
  everySeconds: number;
}

export const timerName = 'spuff-reaper';
export const launchdLabel = 'spuff.reaper';

/** @throws SpuffError `usage` for what no such file can hold */
function checkPlain(text: string): string {
  if (!/\p{Cc}/u.test(text)) return text;
  throw new SpuffError('usage', `${JSON.stringify(text)} can't stand in a timer's file`, {
    hints: ['use paths without control characters'],
  });
}

/**
 * One word of a setting of systemd: in quotes, with what it would replace doubled.
 * @see systemd.service(5), COMMAND LINES; systemd.unit(5), SPECIFIERS
 */
export function quoteForSystemd(word: string, isCommand: boolean): string {
  const escaped = checkPlain(word).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
  return `"${isCommand ? escaped.replaceAll('$', '$$$$') : escaped}"`;
}

export function systemdFiles({
  argv,
  environment,
  environmentFile,
  everySeconds,
}: ReaperTimer): Readonly<Record<string, string>> {
  const variables = Object.entries(environment).map(([name, value]) => {
    return `Environment=${quoteForSystemd(`${name}=${value}`, false)}\n`;
  });
  // The path of an EnvironmentFile= is taken whole, without quotes.
  const file =
    environmentFile === null
      ? ''
      : `EnvironmentFile=${checkPlain(environmentFile).replaceAll('\\', '\\\\').replaceAll('%', '%%')}\n`;
  return {
    [`${timerName}.service`]: `[Unit]
Description=Destroy spuff machines whose lease is over

[Service]
Type=oneshot
ExecStart=${argv.map((word) => quoteForSystemd(word, true)).join(' ')}
${variables.join('')}${file}TimeoutStartSec=45min
NoNewPrivileges=yes
`,
    [`${timerName}.timer`]: `[Unit]
Description=Look for spuff machines whose lease is over

[Timer]
OnStartupSec=1min
OnUnitInactiveSec=${everySeconds}s
AccuracySec=5s

[Install]
WantedBy=timers.target
`,
  };
}

function escapeXml(text: string): string {
  return checkPlain(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/**
 * launchd reads no file of variables, so a shell does that first.
 * @see launchd.plist(5)
 */
export function launchdFile({ argv, environment, environmentFile, everySeconds }: ReaperTimer): string {
  const read = 'set -a; . "$0"; set +a; exec "$@"';
  const words = environmentFile === null ? argv : ['/bin/sh', '-c', read, environmentFile, ...argv];
  const strings = words.map((word) => `    <string>${escapeXml(word)}</string>\n`).join('');
  const variables = Object.entries(environment)
    .map(([name, value]) => `    <key>${escapeXml(name)}</key>\n    <string>${escapeXml(value)}</string>\n`)
    .join('');
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${launchdLabel}</string>
  <key>ProgramArguments</key>
  <array>
${strings}  </array>
  <key>EnvironmentVariables</key>
  <dict>
${variables}  </dict>
  <key>StartInterval</key>
  <integer>${everySeconds}</integer>
  <key>RunAtLoad</key>
  <true/>
</dict>
</plist>
`;
}

const cronMark = `# ${timerName}`;

/** For sh; and cron takes a percent sign for the end of the line. @see crontab(5) */
function quoteForCron(word: string): string {
  return `'${checkPlain(word).replaceAll("'", `'\\''`).replaceAll('%', '\\%')}'`;
}

export function cronLine({ argv, environment, environmentFile, everySeconds }: ReaperTimer): string {
  const minutes = Math.max(1, Math.round(everySeconds / 60));
  const when = minutes < 60 ? `*/${minutes} * * * *` : `0 */${Math.min(23, Math.round(minutes / 60))} * * *`;
  const read = environmentFile === null ? [] : [`set -a; . ${quoteForCron(environmentFile)}; set +a;`];
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${quoteForCron(value)}`);
  const command = [...read, ...variables, ...argv.map(quoteForCron), '>/dev/null 2>&1', cronMark];
  return `${when} ${command.join(' ')}`;
}

/** A crontab with this line in place of an earlier one of spuff's; null: without any. The rest stays as it is. */
export function editCrontab(crontab: string, line: string | null): string {
  const others = crontab.split('\n').filter((one) => one !== '' && !one.endsWith(` ${cronMark}`));
  return [...others, ...(line === null ? [] : [line])].map((one) => `${one}\n`).join('');
}
