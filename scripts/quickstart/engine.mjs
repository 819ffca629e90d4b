import { spawn } from 'node:child_process';
import { existsSync, openSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { asRoot, fail, heading, run, say, succeeds } from './run.mjs';

const socketPaths = [
  '/var/run/docker.sock',
  `${process.env.XDG_RUNTIME_DIR ?? '/run'}/podman/podman.sock`,
  '/run/podman/podman.sock',
];

export function engineAnswers() {
  return socketPaths.some(
    (path) =>
      existsSync(path) && statSync(path).isSocket() && succeeds([process.execPath, '-e', pingScript, path]),
  );
}

const pingScript = `
  const request = require('node:http').request({ socketPath: process.argv[1], path: '/_ping', timeout: 2000 }, (answer) => {
    process.exit(answer.statusCode === 200 ? 0 : 1);
  });
  request.on('timeout', () => process.exit(1)).on('error', () => process.exit(1)).end();
`;

/** Starts the Docker engine unless one answers: by systemd where it runs the machine, else by hand. */
export async function ensureEngine() {
  if (engineAnswers()) return;
  heading('Start the Docker engine');
  if (existsSync('/run/systemd/system')) {
    run(asRoot(['systemctl', 'enable', '--now', 'docker']));
  } else {
    startByHand();
  }
  for (let tries = 0; tries < 120; tries++) {
    if (engineAnswers()) return;
    await sleep(500);
  }
  fail(
    'the Docker engine did not come up within a minute',
    'look at /var/log/dockerd.log, or at journalctl -u docker',
  );
}

function startByHand() {
  if (process.getuid() !== 0)
    fail('no Docker engine runs, and there is no systemd to start one', 'start it: sudo dockerd &');
  const log = openSync('/var/log/dockerd.log', 'a');
  const child = spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log] });
  child.on('error', (error) => fail(`dockerd can't be started: ${error.message}`, 'install docker.io'));
  child.unref();
  say('$ dockerd   (in the background; it logs to /var/log/dockerd.log)');
}
