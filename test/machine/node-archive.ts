/** An archive of Node in the form of those at nodejs.org, of the parts that this computer has or npm fetches. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const npmVersion = '11.19.1';

/** @returns the archive's path, in a folder that `remove` takes away */
export function makeNodeArchive(): { path: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'spuff-node-'));
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd: folder, stdio: 'pipe', env: { ...process.env, GZIP: '-1' } });
  const node = join(folder, 'node');
  const npm = join(node, 'lib', 'node_modules', 'npm');
  mkdirSync(join(node, 'bin'), { recursive: true });
  mkdirSync(npm, { recursive: true });
  copyFileSync(process.execPath, join(node, 'bin', 'node'));
  chmodSync(join(node, 'bin', 'node'), 0o755);
  run('npm', 'pack', '--silent', '--ignore-scripts', `npm@${npmVersion}`);
  run('tar', '--extract', '--file', `npm-${npmVersion}.tgz`, '--strip-components', '1', '--directory', npm);
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(node, 'bin', name));
  }
  run('tar', '--create', '--gzip', '--file', 'node.tar.gz', 'node');
  return {
    path: join(folder, 'node.tar.gz'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
