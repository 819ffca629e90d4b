import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { placePreDownHook } from './pre-down-hook.ts';
import { placeSessionEnv, renderSessionEnv } from './session-env.ts';
import { createSetupWorld, type SetupWorld } from './setup-world.ts';

let world: SetupWorld;
beforeEach(() => {
  world = createSetupWorld();
});
afterEach(() => world.remove());

const read = (script: string, name: string, env: Record<string, string> = {}) =>
  execFileSync('sh', ['-c', `${script}\nprintf %s "$${name}"`], { env, encoding: 'utf8' });

describe('variables of sessions', () => {
  it('arrive as they are, whatever is in them', ({ expect }) => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        fc.pre(!value.includes('\0'));
        expect(read(renderSessionEnv({ VALUE: value }), 'VALUE')).toBe(value);
      }),
      { numRuns: 60 },
    );
  });

  it('are set once, so that what is changed below stays, until there are others', ({ expect }) => {
    const first = renderSessionEnv({ A: '1' });
    expect(read(`${first}A=mine\n${first}`, 'A')).toBe('mine');
    expect(read(`${first}A=mine\n${renderSessionEnv({ A: '2' })}`, 'A')).toBe('2');
  });

  it('are found by way of what shells read, once however often they are placed', ({ expect }) => {
    writeFileSync(world.places.bashStart, '[ -z "$PS1" ] && return\n');
    placeSessionEnv(world.places, { A: '1' });
    placeSessionEnv(world.places, { A: '2' });
    const lines = readFileSync(world.places.bashStart, 'utf8').split('\n');
    expect(lines.filter((line) => line.includes(world.places.profileScript))).toHaveLength(1);
    expect(lines[1]).toBe('[ -z "$PS1" ] && return');
    expect(statSync(join(world.places.envFolder, 'session.sh')).mode & 0o777).toBe(0o640);
    placeSessionEnv(world.places, {});
    expect(existsSync(join(world.places.envFolder, 'session.sh'))).toBe(false);
  });
});

describe('the pre-down hook', () => {
  const directory = '/home/dev/shop';

  it('is placed, replaced and taken away', ({ expect }) => {
    const path = world.places.preDownHook;
    placePreDownHook(path, { preDown: ['one'], directory });
    placePreDownHook(path, { preDown: ['two'], directory });
    expect(readFileSync(path, 'utf8')).toContain('cd /home/dev/shop || exit 1\nset -e\ntwo\n');
    expect(statSync(path).mode & 0o777).toBe(0o755);
    placePreDownHook(path, { preDown: [], directory });
    expect(existsSync(path)).toBe(false);
  });

  it('of somebody else stays', ({ expect }) => {
    const path = world.places.preDownHook;
    writeFileSync(path, '#!/bin/sh\nmine\n');
    expect(placePreDownHook(path, { preDown: ['one'], directory }).state).toBe('failed');
    expect(placePreDownHook(path, { preDown: [], directory }).state).toBe('done');
    expect(readFileSync(path, 'utf8')).toBe('#!/bin/sh\nmine\n');
  });
});
