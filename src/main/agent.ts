/**
 * The daemon on the machine, and the programs that it has systemd start as the login user.
 *
 * `serve`: the daemon; systemd gives it its two listening sockets. `run`: one command of `/exec`, from the connection on
 * standard input. `notice TEXT`: shows a text on the user's terminals. `setup` and `setup-restore` are root's units: they
 * do what the user has sent over SSH, and put back after a boot what is to outlive one.
 */
import { Socket } from 'node:net';
import { machinePaths } from '../agent/machine-paths.ts';
import { agentConfigPath, agentTokenVariable } from '../domain/agent-config.ts';
import { setupTriggerPath } from '../domain/setup-paths.ts';
import { agentPort } from '../protocol/routes.ts';
import { spuffVersion } from '../protocol/version.ts';

const [mode, ...args] = process.argv.slice(2);

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * The listening sockets that systemd opened, by their `FileDescriptorName=`.
 * @see sd_listen_fds(3)
 */
function inheritedSockets(): Map<string, number> {
  if (process.env.LISTEN_PID !== String(process.pid)) return new Map();
  const names = (process.env.LISTEN_FDNAMES ?? '').split(':');
  const count = Number(process.env.LISTEN_FDS ?? 0);
  return new Map(names.slice(0, count).map((name, index) => [name, 3 + index]));
}

async function serve(): Promise<void> {
  const { createAgent } = await import('../agent/serve.ts');
  const { createSharedLimits } = await import('../agent/server.ts');
  const sockets = inheritedSockets();
  const tcp = sockets.get('tcp');
  const unix = sockets.get('unix');
  if (unix === undefined) {
    log('systemd gave no socket: start spuff-agent.socket');
    process.exit(1);
  }
  const problems =
    tcp === undefined ? [`127.0.0.1:${agentPort} is not served: another program has the port`] : [];
  const tokenSha256 = process.env[agentTokenVariable];
  if (!tokenSha256) log('no token is configured: every call but /health is refused');
  const agent = createAgent({
    paths: machinePaths,
    tokenSha256,
    runnerSocket: '/run/spuff/runner.sock',
    execLogPath: '/var/log/spuff/exec.log',
    powerRequestPath: '/run/spuff-agent/power-off',
    powerPlanPath: '/run/spuff-agent/shutdown.json',
    configPath: agentConfigPath,
    boundToPath: '/etc/spuff/instance-id',
    leaseCopyPath: '/var/lib/spuff/agent/lease',
    seenPath: '/run/spuff-agent/seen.json',
    historyPath: '/run/spuff-agent/history',
    noticeCommand: [process.execPath, process.argv[1] ?? '', 'notice'],
    setupTriggerPath,
    problems,
    limits: createSharedLimits(() => performance.now()),
    log,
  });
  if (tcp !== undefined) agent.tcp.listen({ fd: tcp });
  agent.unix.listen({ fd: unix });
  agent.lifecycle.tick();
  setInterval(() => agent.lifecycle.tick(), agent.tickMs);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      agent.save();
      process.exit(0);
    });
  }
  log(`spuff-agent ${spuffVersion} is listening`);
}

async function run(): Promise<void> {
  if (process.geteuid?.() === 0) {
    log('commands are never run as root');
    process.exit(1);
  }
  const { serveOneCommand } = await import('../agent/run-command.ts');
  await serveOneCommand(new Socket({ fd: 0, readable: true, writable: true }));
  // What the command may have left open must not keep this up: systemd ends the rest once it is gone.
  process.exit(0);
}

async function notice(): Promise<void> {
  const { showNotice } = await import('../agent/notice.ts');
  showNotice(args.join(' '), { folder: '/dev/pts', userId: process.geteuid?.() ?? -1 });
}

async function setup(): Promise<void> {
  const { serveSetup } = await import('../agent/setup/setup-service.ts');
  await serveSetup(log);
  // A program of the project's that has left something running must not keep this up: systemd ends it.
  process.exit(0);
}

async function setupRestore(): Promise<void> {
  const { restoreSetup } = await import('../agent/setup/setup-service.ts');
  restoreSetup();
}

const modes: Record<string, () => Promise<void>> = {
  serve,
  run,
  notice,
  setup,
  'setup-restore': setupRestore,
  version: async () => void process.stdout.write(`${spuffVersion}\n`),
};

const start = modes[mode ?? ''];
if (start) {
  start().catch((error: unknown) => {
    log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exit(1);
  });
} else {
  log('usage: agent.cjs serve|run|notice TEXT|setup|setup-restore|version');
  process.exit(2);
}
