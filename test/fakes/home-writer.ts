/**
 * A process that writes everything spuff keeps at home, with the umask it is told, and starts a child of its own. What the
 * child sees is printed; the canary of the environment must be nowhere.
 */
import { randomBytes } from 'node:crypto';
import { makeInstanceKey } from '../../src/domain/ids.ts';
import { Secret } from '../../src/domain/secret.ts';
import { makeAgentToken } from '../../src/lib/agent-token.ts';
import { writeCrashReport } from '../../src/lib/crash-report.ts';
import { openLog } from '../../src/lib/log.ts';
import { readProcessOutput, runProcess } from '../../src/lib/process.ts';
import { openConfigFile } from '../../src/state/config-file.ts';
import { ensureHome, findHome, homePaths } from '../../src/state/home.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { sampleInstance } from './sample-instance.ts';

process.umask(Number.parseInt(process.argv[2] ?? '077', 8));
const canary = process.env['SPUFF_API_TOKEN'] ?? 'no-canary-given';
const paths = homePaths(findHome());
ensureHome(paths);

const config = await openConfigFile(paths.config);
config.set({ region: 'fra1' });
config.ensureFile();
try {
  config.set({ region: canary });
} catch {
  // As it should be.
}

const store = openStateStore({ path: paths.state });
const instance = sampleInstance({
  name: `demo-${process.pid}`,
  key: makeInstanceKey(Date.now(), randomBytes(10)),
  agentToken: makeAgentToken(),
  hostIdentity: {
    phase: 'booting',
    injectedPublicKey: 'ssh-ed25519 A',
    injectedPrivateKey: new Secret('one-time-private-key'),
  },
});
store.insertInstance(instance);
const operation = store.beginOperation('up', instance.key);
// Held as a Secret, as the provider's client does; written by mistake in every way there is.
const token = new Secret(canary);
store.recordStep(operation.id, { name: 'create', status: 'started', output: { token, environment: 'none' } });

const error = new TypeError(`401 for https://api.example.org/?t=${token.reveal()}`, {
  cause: { headers: { a: canary } },
});
const log = openLog({ path: `${paths.log}/spuff.log`, maxBytes: 2_000 });
for (let i = 0; i < 20; i++)
  log.write('request', { url: `https://x/${token.reveal()}`, error, env: { X: canary }, token });
const report = writeCrashReport({
  directory: paths.reports,
  error,
  argv: ['up', '--x', canary],
  version: '0',
});

const child = await runProcess([
  process.execPath,
  '-p',
  'JSON.stringify({ env: process.env, argv: process.argv })',
]);
const quick = readProcessOutput([process.execPath, '-p', 'JSON.stringify(process.env)']);
process.stdout.write(`${JSON.stringify({ report, child: child.stdout, quick, token })}\n`);
// The state stays open, so that what SQLite keeps beside it is there to be looked at; the test ends the input.
process.stdin.on('end', () => process.exit()).resume();
