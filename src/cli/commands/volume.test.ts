import { describe, expect, it } from 'vitest';
import { runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { MountTable, VolumeMount } from '../../domain/volume.ts';
import { jsonShapes } from '../json-shapes.ts';

const demo = sampleInstance();
const other = sampleInstance({ name: 'other' });

function tableOf(...mounted: VolumeMount[]): { mounts: MountTable; calls: string[] } {
  const calls: string[] = [];
  const mounts: MountTable = {
    list: async () => mounted.filter(({ mountPoint }) => !calls.includes(`lazy ${mountPoint}`)),
    unmount: async (mountPoint, { lazy }) => {
      calls.push(`${lazy ? 'lazy' : 'plain'} ${mountPoint}`);
      if (!lazy) throw new SpuffError('conflict', `${mountPoint} is still mounted: busy`);
    },
    check: async () => 'silent',
  };
  return { mounts, calls };
}
const atDemo = { key: demo.key, target: '/home/dev/data', mountPoint: '/mnt/demo' };
const atOther = { key: other.key, target: '/srv', mountPoint: '/mnt/other' };
const state = () => new MemoryState([demo, other]);

describe('spuff volume', () => {
  it('lists what is mounted, of all instances or of one, and of none that is known', async () => {
    const gone = { ...atOther, key: sampleInstance({ name: 'gone' }).key };
    const { mounts } = tableOf(atDemo, gone);
    const { out } = await runLine(['volume', 'ls', '--json'], { state: state(), mounts });
    const printed: unknown = JSON.parse(out);
    expect(jsonShapes.volumes.schema.safeParse(printed).error).toBeUndefined();
    expect(printed).toMatchObject({ volumes: [{ instance: 'demo' }, { instance: null, key: gone.key }] });
    expect((await runLine(['volume', 'ls', 'other'], { state: state(), mounts })).err).toContain(
      'nothing is mounted',
    );
  });

  it('says which of them is silent', async () => {
    const { mounts } = tableOf(atDemo, atOther);
    const { out } = await runLine(['volume', 'status', 'demo'], { state: state(), mounts });
    expect(out).toMatch(/demo +\/home\/dev\/data +\/mnt\/demo +silent/);
    expect(out).not.toContain('other');
  });

  it.each([['demo'], ['/mnt/demo'], [demo.key]])(
    'takes %s away when forced, and nothing else',
    async (which) => {
      const { mounts, calls } = tableOf(atDemo, atOther);
      const busy = await runLine(['volume', 'unmount', which], { state: state(), mounts });
      expect(busy).toMatchObject({ status: 5, err: expect.stringContaining('busy') });
      expect(
        (await runLine(['volume', 'unmount', which, '--force'], { state: state(), mounts })).status,
      ).toBe(0);
      expect(calls).toEqual(['plain /mnt/demo', 'lazy /mnt/demo']);
    },
  );

  it('is in the way of no machine that is to go', async () => {
    const { mounts, calls } = tableOf(atDemo, atOther);
    const destroyed: string[] = [];
    const provider = {
      find: async () => null,
      destroy: async () => void destroyed.push(calls.join()),
      leftovers: async function* () {},
    };
    const ssh = { disconnect: async () => undefined, forget: async () => undefined };
    await runLine(['down', 'demo', '--force'], { state: state(), mounts, provider, ssh });
    expect(destroyed).toEqual(['plain /mnt/demo,lazy /mnt/demo']);
  });

  it('wants one folder for one place', async () => {
    const { err, status } = await runLine(['volume', 'mount', 'demo', '--at', 'x'], { state: state() });
    expect({ err, status }).toMatchObject({ status: 2, err: expect.stringContaining('--folder') });
  });
});
