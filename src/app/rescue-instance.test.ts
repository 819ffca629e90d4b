import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { makeRescueScene, type RescueScene, type Sending, sendWork } from '../../test/fakes/rescue-scene.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { SpuffError } from '../domain/errors.ts';
import { defaultRescueLimits } from '../domain/rescue.ts';
import { rescueInstance } from './rescue-instance.ts';

let scene: RescueScene;
afterEach(() => scene.remove());

const limits = { maxFileBytes: 10, maxFilesBytes: 20, maxHistoryBytes: 30 };

function attempt(send: Sending, more: { timeoutMs?: number; limits?: typeof limits } = {}) {
  scene = makeRescueScene(send);
  return rescueInstance(scene.context, sampleInstance({}), { limits, timeoutMs: 60_000, ...more });
}
const kept = () => readdirSync(join(scene.home, 'rescued'));

describe('the work of a machine', () => {
  it('is asked for by the program of this version, with the limits as arguments', async ({ expect }) => {
    const asked: unknown[] = [];
    const { rescue } = await attempt(async (options, argv) => {
      asked.push(argv, Buffer.from(options.stdin as Uint8Array).toString());
      return sendWork('archive')(options, argv);
    });
    expect(asked).toEqual([['/usr/lib/spuff/agent/current/node', '-', '10', '20', '30'], 'the program']);
    expect(kept()).toEqual([rescue?.name]);
    expect(rescue?.complete).toBe(true);
  });

  it('is not kept where there is none', async ({ expect }) => {
    const { rescue } = await attempt(sendWork('archive', { repositories: 0 }));
    expect(rescue).toBeNull();
    expect(kept()).toEqual([]);
  });

  it('is kept and called incomplete where something of it is lost', async ({ expect }) => {
    const { rescue } = await attempt(sendWork('archive', { leftOut: 2, lost: 1 }));
    expect(rescue?.complete).toBe(false);
  });
});

describe('what did not arrive as a whole', () => {
  it.for<[string, Sending, string, RegExp]>([
    [
      'is cut off',
      async ({ onOutput }) => {
        await onOutput?.(Buffer.from('half'));
        return { exitCode: 255 };
      },
      'agent',
      /status 255/,
    ],
    ['has fewer bytes than were sent', sendWork('archive', { bytes: 8 }), 'agent', /not whole/],
    ['has other bytes', sendWork('archive', { sha256: '0'.repeat(64) }), 'agent', /not whole/],
    ['has no end', async () => ({ stderr: 'nonsense' }), 'agent', /not whole/],
    ['has an end that is none', async () => ({ stderr: '{"bytes":0,"named":7}' }), 'agent', /not whole/],
    [
      'failed there',
      async () => ({ exitCode: 1, stderr: 'no \u001b[31mroom' }),
      'agent',
      /no \\x1b\[31mroom/,
    ],
    ['has no runtime', async () => ({ exitCode: 127 }), 'agent', /no runtime/],
    [
      'could not be asked for',
      async () => Promise.reject(new SpuffError('connection', 'no route')),
      'connection',
      /no route/,
    ],
  ])('because it %s is not kept', async ([, send, code, message], { expect }) => {
    await expect(attempt(send)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(kept()).toEqual([]);
  });

  it('is stopped when a machine sends without end, and is not kept', async ({ expect }) => {
    let sent = 0;
    const endless: Sending = async ({ onOutput, signal }) => {
      for (; !signal?.aborted; sent += 1_000_000) await onOutput?.(Buffer.alloc(1_000_000));
      throw new SpuffError('interrupted', 'stopped');
    };
    await expect(attempt(endless)).rejects.toMatchObject({
      code: 'agent',
      message: expect.stringMatching(/more than/),
    });
    expect(sent).toBeLessThan(110_000_000);
    expect(kept()).toEqual([]);
  });

  it('is given up when it takes too long', async ({ expect }) => {
    const slow: Sending = async ({ signal }) => {
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      throw new SpuffError('interrupted', 'stopped');
    };
    await expect(attempt(slow, { timeoutMs: 20, limits: defaultRescueLimits })).rejects.toMatchObject({
      code: 'timeout',
    });
    expect(kept()).toEqual([]);
  });
});
