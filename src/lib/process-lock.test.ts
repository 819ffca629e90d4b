import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withProcessLock } from './process-lock.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-lock-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A process that runs `inside` as often as told, under the lock each time. */
function startOther(path: string, times: number, inside: string) {
  const module = JSON.stringify(join(import.meta.dirname, 'process-lock.ts'));
  const script = `
    import { appendFileSync } from 'node:fs';
    import { setTimeout as delay } from 'node:timers/promises';
    const { withProcessLock } = await import(${module});
    for (let i = 0; i < ${times}; i++) {
      await withProcessLock(${JSON.stringify(path)}, undefined, async () => { ${inside} });
    }`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('withProcessLock', () => {
  it('lets in one at a time, and all in the end', async () => {
    const path = join(folder, 'one');
    let inside = 0;
    let most = 0;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        withProcessLock(path, undefined, async () => {
          most = Math.max(most, ++inside);
          await delay(1);
          inside--;
          return index;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(results).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it('lets in one at a time over processes', async () => {
    const path = join(folder, 'processes');
    const record = JSON.stringify(join(folder, 'record'));
    const inside = `
      appendFileSync(${record}, 'in ');
      await delay(Math.random() * 2);
      appendFileSync(${record}, 'out\\n');`;
    const others = Array.from({ length: 6 }, () => startOther(path, 50, inside));
    await Promise.all(others.map((other) => once(other, 'close')));
    const lines = readFileSync(join(folder, 'record'), 'utf8').trimEnd().split('\n');
    expect(lines).toEqual(Array.from({ length: 300 }, () => 'in out'));
  });

  it('makes a file of its own that nobody else can open', async () => {
    const path = join(folder, 'private', 'lock');
    await withProcessLock(path, undefined, async () => undefined);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'private')).mode & 0o777).toBe(0o700);
  });

  it('is free again after work that fails', async () => {
    const path = join(folder, 'failing');
    const failing = withProcessLock(path, undefined, async () => {
      throw new Error('broken');
    });
    await expect(failing).rejects.toThrow('broken');
    expect(await withProcessLock(path, undefined, async () => 'in')).toBe('in');
  });

  it('is free again after a holder that was killed', async () => {
    const path = join(folder, 'killed');
    const holder = startOther(path, 1, "console.log('held'); await delay(1e9);");
    await once(holder.stdout, 'data');
    // Only once it is seen to be held.
    const waiting = withProcessLock(
      path,
      undefined,
      async () => 'in',
      () => void holder.kill('SIGKILL'),
    );
    expect(await waiting).toBe('in');
  });

  it('stops waiting when it is told to, and does not begin when it was told before', async () => {
    const path = join(folder, 'waiting');
    const controller = new AbortController();
    await withProcessLock(path, undefined, async () => {
      const second = withProcessLock(path, controller.signal, async () => 'never');
      setImmediate(() => controller.abort(new Error('enough')));
      await expect(second).rejects.toThrow('enough');
    });
    await expect(withProcessLock(path, controller.signal, async () => 'never')).rejects.toThrow('enough');
    expect(await withProcessLock(path, undefined, async () => 'in')).toBe('in');
  });

  it('says which file it is that can not be used', async () => {
    const path = join(folder, 'directory');
    mkdirSync(path);
    await expect(withProcessLock(path, undefined, async () => 'never')).rejects.toMatchObject({
      code: 'state',
      message: expect.stringContaining(path),
    });
  });
});
