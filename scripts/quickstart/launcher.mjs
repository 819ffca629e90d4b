import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fail, heading, say } from './run.mjs';

const mark = '# written by the quick start of spuff';

/** Puts a `spuff` on the PATH that runs this checkout, with the Node it brought. Gives its path. */
export function installLauncher(project) {
  heading('Put spuff on the PATH');
  const path = join(process.getuid() === 0 ? '/usr/local/bin' : join(homedir(), '.local', 'bin'), 'spuff');
  if (existsSync(path) && !readFileSync(path, 'utf8').includes(mark)) {
    fail(`${path} is there already, and not from here`, 'move it away and run the quick start again');
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    ['#!/bin/sh', mark, `exec ${quote(join(project, 'dist', 'spuff'))} "$@"`, ''].join('\n'),
  );
  chmodSync(path, 0o755);
  say(path);
  return path;
}

function quote(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
