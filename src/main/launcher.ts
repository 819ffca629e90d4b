// What `bin` starts. It must parse on any Node, however old, to say what is wrong with it; hence its own bundle,
// built for old syntax, and nothing loaded at the top but what the bundler puts into it.
import { spuffVersion } from '../protocol/version.ts';

const neededMajor = 24;

function startCli(): void {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < neededMajor) {
    process.stderr.write(`error: spuff needs Node ${neededMajor} or newer; this is ${process.version}\n`);
    process.stderr.write('hint: install a newer Node, or run the spuff that `npm run quickstart` leaves\n');
    process.exitCode = 1;
    return;
  }
  const argv = process.argv.slice(2);
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    process.stdout.write(`${spuffVersion}\n`);
    return;
  }
  enableCompileCache();
  require('./cli.cjs');
}

/**
 * Keeps compiled code under the user's cache directory. Node's default is a predictable name in the shared `/tmp`,
 * where another user could lay the code that this one then runs; a directory that isn't ours alone is not used.
 */
function enableCompileCache(): void {
  const cacheHome = process.env['XDG_CACHE_HOME'] || `${process.env['HOME']}/.cache`;
  if (cacheHome.charAt(0) !== '/') return;
  const fs: typeof import('node:fs') = require('node:fs');
  const directory = `${cacheHome}/spuff`;
  try {
    // Step by step: Node's recursive mkdir never returns where the system lets nothing be made, as under /proc.
    for (const step of [cacheHome, directory]) {
      if (!fs.existsSync(step)) fs.mkdirSync(step, { mode: 0o700 });
    }
    const { uid, mode } = fs.lstatSync(directory);
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return;
    const nodeModule: typeof import('node:module') = require('node:module');
    nodeModule.enableCompileCache(`${directory}/compiled`);
  } catch {
    // A read-only or missing home: start without the cache.
  }
}

startCli();
