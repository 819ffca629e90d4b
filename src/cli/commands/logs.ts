import { findReadyInstance } from '../../app/find-instance.ts';
import { bootOutputLog, cloudInitLog, followLog, listLogs, readLog } from '../../app/read-logs.ts';
import { formatBytes } from '../../domain/bytes.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Instance } from '../../domain/instance.ts';
import { setupLogFolder } from '../../domain/setup-paths.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, instanceArgument, text, wholeNumber } from '../parameters.ts';
import { formatMoment, formatTable, oneLine } from '../render/text.ts';

export const logs = defineCommand({
  name: 'logs',
  summary: 'show a log of an instance',
  details: [
    `Without an option it is what the first boot printed (${bootOutputLog}). Only files under ` +
      '/var/log can be read, and no links.',
    'With --follow it goes on until Ctrl-C; with --json that is one object a line.',
  ],
  arguments: { name: instanceArgument },
  options: {
    file: text('PATH', 'a file under /var/log'),
    setup: flag('the course of the setup of its project'),
    packages: flag('what apt printed when it was set up'),
    bundle: text('NAME', 'what a bundle or an AI tool printed'),
    repos: flag('what git printed'),
    dotfiles: flag('what the dotfiles printed'),
    services: flag('what Compose printed'),
    devcontainer: flag('what bringing the dev container up printed'),
    script: wholeNumber('what a setup command printed, by its number', { minimum: 1, maximum: 999 }),
    cloudInit: flag(`what cloud-init says about itself (${cloudInitLog})`),
    list: flag('list the files that can be read'),
    lines: wholeNumber('how many of the last lines (100)', { minimum: 1, maximum: 5_000 }, { short: 'n' }),
    follow: flag('show what is added, until Ctrl-C', { short: 'f' }),
  },
  examples: [
    { command: 'spuff logs demo', about: 'what the first boot of demo printed' },
    { command: 'spuff logs demo --cloud-init -n 20', about: 'the last 20 lines of cloud-init' },
    { command: 'spuff logs demo --file auth.log --follow', about: 'logins as they happen' },
    { command: 'spuff logs demo --setup -f', about: 'the setup of its project as it goes on' },
    { command: 'spuff logs demo --script 2', about: 'what the second setup command printed' },
    { command: 'spuff logs --list', about: 'which logs there are on the instance of this directory' },
  ],
  json: 'log',
  run: async ({ arguments: { name }, options }, cli) => {
    const files = namedFiles(options);
    if (files.length + (options.list ? 1 : 0) > 1)
      throw new SpuffError('usage', 'one log at a time: these options exclude each other');
    const instance = await findReadyInstance(cli.context, name);
    if (options.list) return printList(cli, instance);
    const file = files[0] ?? bootOutputLog;
    const request = { file, lines: options.lines ?? 100 };
    return options.follow ? printFollowed(cli, instance, request) : printOnce(cli, instance, request);
  },
});

interface LogOptions {
  file: string | undefined;
  bundle: string | undefined;
  script: number | undefined;
  setup: boolean;
  packages: boolean;
  repos: boolean;
  dotfiles: boolean;
  services: boolean;
  devcontainer: boolean;
  cloudInit: boolean;
}

/** The files that the options name. */
function namedFiles(options: LogOptions): string[] {
  const { file, bundle, script } = options;
  const ofSetup = (isWanted: boolean, name: string) => (isWanted ? [`${setupLogFolder}/${name}.log`] : []);
  return [
    ...(file === undefined ? [] : [file]),
    ...(options.cloudInit ? [cloudInitLog] : []),
    ...ofSetup(options.setup, 'setup'),
    ...ofSetup(options.packages, 'packages'),
    ...ofSetup(options.repos, 'repositories'),
    ...ofSetup(options.dotfiles, 'dotfiles'),
    ...ofSetup(options.services, 'services'),
    ...ofSetup(options.devcontainer, 'devcontainer'),
    ...ofSetup(bundle !== undefined, `bundles/${bundle}`),
    ...ofSetup(script !== undefined, `scripts/${String(script).padStart(3, '0')}`),
  ];
}

interface Request {
  file: string;
  lines: number;
}

async function printOnce(cli: Cli, instance: Instance, request: Request): Promise<void> {
  const content = await readLog(cli.context, instance, request);
  if (cli.flags.json) {
    cli.printJson({ version: 1, instance: instance.name, ...content });
    return;
  }
  if (content.lines.length > 0) cli.print(content.lines.map(oneLine).join('\n'));
  if (content.more)
    cli.say(`(there are earlier lines; more of them: -n ${Math.min(5_000, request.lines * 10)})`);
}

/** Ends by Ctrl-C, which is no failure here. */
async function printFollowed(cli: Cli, instance: Instance, request: Request): Promise<void> {
  try {
    for await (const frame of followLog(cli.context, instance, request)) {
      if (cli.flags.json) cli.printJson({ version: 1, instance: instance.name, ...frame });
      else if (frame.type === 'line') cli.print(oneLine(frame.line));
      else cli.say('(the file was begun anew)');
      if (cli.terminal.out.isClosed()) return;
    }
  } catch (error) {
    if (!cli.context.signal.aborted) throw error;
  }
}

async function printList(cli: Cli, instance: Instance): Promise<void> {
  const files = await listLogs(cli.context, instance);
  if (cli.flags.json) {
    cli.printJson({ version: 1, instance: instance.name, files });
    return;
  }
  const nowMs = cli.context.runtime.now();
  const rows = files.map(({ file, sizeBytes, modifiedAt }) => [
    file,
    formatBytes(sizeBytes),
    formatMoment(new Date(modifiedAt), nowMs),
  ]);
  cli.print(formatTable(rows, { header: ['FILE', 'SIZE', 'CHANGED'], paint: cli.paint }));
}
