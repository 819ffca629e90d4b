import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPower } from './power.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-life-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bootSeconds = 1_800_000_000;

const startPower = () =>
  createPower({ request: join(folder, 'power-off'), plan: join(folder, 'shutdown.json') }, () => undefined);

describe('a planned power-off', () => {
  it('is kept over a restart of the agent', () => {
    const planned = { atMs: (bootSeconds + 600) * 1_000, reason: 'spuff down' };
    startPower().plan(planned);
    const again = startPower();
    expect(again).toMatchObject({ planned, problem: null });
    again.tick(planned.atMs - 1);
    expect(existsSync(join(folder, 'power-off'))).toBe(false);
    again.tick(planned.atMs);
    expect(readFileSync(join(folder, 'power-off'), 'utf8')).toBe('spuff down\n');
  });

  it('is not kept when it is the end of a lease, which may be another one by then', () => {
    const power = startPower();
    power.end(1_000, 'the lease is over');
    power.tick(1_000);
    expect(existsSync(join(folder, 'power-off'))).toBe(true);
    expect(startPower().planned).toBeNull();
    expect(existsSync(join(folder, 'power-off'))).toBe(false);
  });

  it.each(['', '{"atMs":1', '{"atMs":1e300,"reason":"x"}', '{"atMs":1}', 'null'])(
    'that is damaged (%s) is said to be forgotten',
    (text) => {
      writeFileSync(join(folder, 'shutdown.json'), text);
      expect(startPower()).toMatchObject({ planned: null, problem: expect.stringContaining('forgotten') });
    },
  );

  it('that can not be written down still holds, and is said to be lost with a restart', () => {
    const paths = { request: join(folder, 'power-off'), plan: join(folder, 'missing', 'shutdown.json') };
    const power = createPower(paths, () => undefined);
    power.plan({ atMs: 1_000, reason: 'spuff down' });
    expect(power.problem).toContain('would forget');
    power.tick(1_000);
    expect(existsSync(paths.request)).toBe(true);
  });
});
