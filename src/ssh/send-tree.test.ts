import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import { quoteForRsync } from './send-tree.ts';

const hasRsync = spawnSync('rsync', ['--version']).status === 0;

it.skipIf(!hasRsync)(
  'has rsync start the program with exactly these arguments, and no shell',
  ({ expect }) => {
    const folder = mkdtempSync(join(tmpdir(), 'spuff-rsh '));
    try {
      const program = join(folder, "it's ssh");
      const said = join(folder, 'said');
      writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$@" >'${said.replaceAll("'", "'\\''")}'\nexit 7\n`);
      chmodSync(program, 0o755);
      const words = ['-o', 'a b', "it''s", '"quoted"', '', '$HOME;`id`', '\\', 'tab\there'];
      const argv = ['-a', `--rsh=${quoteForRsync([program, ...words])}`, `${folder}/`, 'host:there/'];
      const run = () => execFileSync('rsync', argv, { stdio: 'pipe' });
      expect(run).toThrow();
      const given = execFileSync('cat', [said], { encoding: 'utf8' }).split('\n');
      expect(given.slice(0, words.length + 1)).toEqual([...words, 'host']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
