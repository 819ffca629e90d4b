import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { makeRescueScene, type RescueScene, type Sending, sendWork } from '../../test/fakes/rescue-scene.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { LeftOut } from '../domain/rescue.ts';
import type { Settings } from '../domain/settings.ts';
import { describeLeftOut, rescueBeforeDown, rescueBeforeReap } from './rescue-before-end.ts';

let scene: RescueScene;
afterEach(() => scene.remove());

const unreachable: Sending = async () => Promise.reject(new SpuffError('connection', 'no route to host'));
const big: LeftOut = {
  repository: 'app',
  part: 'file',
  path: 'disk.img',
  bytes: 23e6,
  why: 'too-large',
  detail: null,
};
const commits: LeftOut = { ...big, part: 'commits', path: null, bytes: null };

interface Given {
  settings?: Partial<Settings> | Error;
  instance?: Partial<Instance>;
  goesOn?: boolean;
  diskIsKept?: boolean;
}

function beforeDown(
  send: Sending,
  { settings = {}, instance = {}, goesOn = false, diskIsKept = false }: Given = {},
) {
  scene = makeRescueScene(send, settings);
  return rescueBeforeDown(scene.context, sampleInstance(instance), { goesOn, diskIsKept });
}

function beforeReap(send: Sending, { settings = {}, instance = {} }: Given = {}, isRunning = true) {
  scene = makeRescueScene(send, settings);
  return rescueBeforeReap(scene.context, sampleInstance(instance), isRunning);
}

describe('before down', () => {
  it('work is saved where the settings say so, and the receipt knows', async ({ expect }) => {
    const saved = await beforeDown(sendWork('archive'));
    expect(saved).toEqual({ outcome: 'saved', name: readdirSync(join(scene.home, 'rescued'))[0] });
    expect(await beforeDown(sendWork('archive', { repositories: 0 }))).toEqual({
      outcome: 'nothing',
      name: null,
    });
    expect(await beforeDown(unreachable, { settings: { rescue: false } })).toBeNull();
  });

  it('a failure stops it, with the ways to go on', async ({ expect }) => {
    await expect(beforeDown(unreachable)).rejects.toMatchObject({
      code: 'connection',
      message: expect.stringContaining('not destroyed'),
      hints: expect.arrayContaining([expect.stringContaining('--no-rescue')]),
    });
  });

  it('work that could not be taken stops it, and what could stays', async ({ expect }) => {
    const send = sendWork('archive', { leftOut: 2, lost: 1, named: [commits, big] });
    await expect(beforeDown(send)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('app: commits (too large)'),
    });
    expect(readdirSync(join(scene.home, 'rescued')).length).toBe(1);
  });

  it('a file that was left out is a warning', async ({ expect }) => {
    await beforeDown(sendWork('archive', { leftOut: 1, named: [big] }));
    expect(scene.warnings).toEqual(['not saved of demo: app: disk.img (23.0 MB: too large)']);
  });

  it.for([{ goesOn: true }, { diskIsKept: true }])(
    'goes on after a failure with %o',
    async (given, { expect }) => {
      expect(await beforeDown(unreachable, given)).toEqual({ outcome: 'failed', name: null });
      expect(scene.warnings).toEqual([expect.stringContaining('no route to host')]);
    },
  );

  it('ends with Ctrl-C whatever was said', async ({ expect }) => {
    const stopped = new SpuffError('interrupted', 'stopped');
    const send: Sending = async () => {
      scene.stop.abort();
      throw stopped;
    };
    await expect(beforeDown(send, { goesOn: true })).rejects.toBe(stopped);
  });

  it.for([{ phase: 'creating' }, { phase: 'destroying' }] as const)(
    'asks nothing of one that is %o',
    async (instance, { expect }) => {
      expect(await beforeDown(unreachable, { instance })).toBeNull();
    },
  );

  it('does not keep a machine for settings that can not be read', async ({ expect }) => {
    expect(await beforeDown(unreachable, { settings: new SpuffError('config', 'line 3') })).toBeNull();
    expect(scene.warnings).toEqual([expect.stringContaining('line 3')]);
  });
});

describe('before the reaper', () => {
  it('work is saved where the machine runs and is known', async ({ expect }) => {
    expect(await beforeReap(sendWork('archive'))).toMatchObject({ outcome: 'saved' });
    expect(await beforeReap(unreachable, {}, false)).toBeNull();
    expect(await beforeReap(unreachable, { settings: { rescue: false } })).toBeNull();
    expect(await beforeReap(unreachable, { instance: { hostIdentity: { phase: 'lost' } } })).toBeNull();
    expect(await rescueBeforeReap(scene.context, null, true)).toBeNull();
  });

  it('nothing that goes wrong keeps the machine', async ({ expect }) => {
    expect(await beforeReap(unreachable)).toEqual({ outcome: 'failed', name: null });
    const send = sendWork('archive', { leftOut: 1, lost: 1, named: [commits] });
    expect(await beforeReap(send)).toMatchObject({
      outcome: 'failed',
      name: expect.stringContaining('demo-'),
    });
    expect(scene.warnings).toEqual([expect.stringContaining('app: commits (too large)')]);
  });
});

describe('what was left out', () => {
  it('is told in a line, whatever the machine calls it', ({ expect }) => {
    const evil = { ...big, path: 'a\u001b[2J\nb', why: 'link', detail: '/etc' } as const;
    expect(describeLeftOut([evil, big, big, big], 7)).toBe(
      'app: a\\x1b[2J\\nb (23.0 MB: a link: /etc); app: disk.img (23.0 MB: too large); app: disk.img (23.0 MB: too large); and 4 more',
    );
  });
});
