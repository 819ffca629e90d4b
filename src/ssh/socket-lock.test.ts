import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSocketLock } from './socket-lock.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-lock-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('withSocketLock', () => {
  it('lets in one at a time, and all in the end', async () => {
    const path = join(folder, 'one');
    let inside = 0;
    let most = 0;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        withSocketLock(path, undefined, async () => {
          most = Math.max(most, ++inside);
          await delay(1);
          inside--;
          return index;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(results).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(existsSync(path)).toBe(false);
  });

  it('is free again after work that fails', async () => {
    const path = join(folder, 'failing');
    const failing = withSocketLock(path, undefined, async () => {
      throw new Error('broken');
    });
    await expect(failing).rejects.toThrow('broken');
    expect(await withSocketLock(path, undefined, async () => 'in')).toBe('in');
  });

  it('is free again after a holder that was killed', async () => {
    const path = join(folder, 'killed');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('held'))`;
    const holder = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const waiting = withSocketLock(path, undefined, async () => 'in');
    holder.kill('SIGKILL');
    expect(await waiting).toBe('in');
  });

  it('stops waiting when it is told to', async () => {
    const path = join(folder, 'waiting');
    const controller = new AbortController();
    await withSocketLock(path, undefined, async () => {
      const second = withSocketLock(path, controller.signal, async () => 'never');
      setImmediate(() => controller.abort(new Error('enough')));
      await expect(second).rejects.toThrow('enough');
    });
    expect(await withSocketLock(path, undefined, async () => 'in')).toBe('in');
  });
});
