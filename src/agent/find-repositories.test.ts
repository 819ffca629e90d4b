import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { defaultScanLimits, findRepositories } from './find-repositories.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-home-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const init = (path: string, ...args: string[]) =>
  execFileSync('git', ['init', '-q', ...args, join(home, path)], { stdio: 'pipe' });
const found = (limits = {}) =>
  findRepositories(home, { ...defaultScanLimits, ...limits }).found.map(
    ({ path, kind }) => `${path} ${kind}`,
  );

describe('the repositories under a home', () => {
  it('are found wherever they are, also in each other and in hidden folders', ({ expect }) => {
    for (const path of ['.', 'a/b/c', 'a/b/c/inner', '.config/editor']) init(path);
    init('bare.git', '--bare');
    expect(found()).toEqual([
      ...[' repository', 'bare.git bare', '.config/editor repository'],
      ...['a/b/c repository', 'a/b/c/inner repository'],
    ]);
  });

  it('are not looked for where programs put theirs, nor through links, nor deeper than the limit', ({
    expect,
  }) => {
    for (const path of [
      'node_modules/x',
      '.cache/x',
      'go/pkg/mod/x',
      'one/two/three',
      '../elsewhere-of-spuff',
    ])
      init(path);
    symlinkSync(join(home, '../elsewhere-of-spuff'), join(home, 'link'));
    expect(found()).toEqual(['one/two/three repository']);
    expect(found({ depth: 2 })).toEqual([]);
    rmSync(join(home, '../elsewhere-of-spuff'), { recursive: true });
  });

  it('are not what only looks like one', ({ expect }) => {
    mkdirSync(join(home, 'empty/.git'), { recursive: true });
    for (const [name, text] of Object.entries({
      text: 'hello',
      nowhere: 'gitdir: /nowhere',
      long: `gitdir: ${'x'.repeat(9_000)}`,
    })) {
      mkdirSync(join(home, name));
      writeFileSync(join(home, name, '.git'), text);
    }
    mkdirSync(join(home, 'pipe'));
    execFileSync('mkfifo', [join(home, 'pipe/.git')]);
    expect(found()).toEqual([]);
  });

  it.for([{ repositories: 2 }, { folders: 3 }])(
    'end where there are too many, and that is told: %j',
    (limits, { expect }) => {
      for (const path of ['a', 'b', 'c', 'd']) init(path);
      const { leftOut } = findRepositories(home, { ...defaultScanLimits, ...limits });
      expect(leftOut).toEqual([
        expect.objectContaining({ part: 'repository', why: 'too-many', repository: 'c' }),
      ]);
    },
  );
});
