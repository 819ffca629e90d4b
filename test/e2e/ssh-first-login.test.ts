/** The first login, when its time is over before the machine has done its part. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bootingWith, establish, SshScene } from '../loopback/scene.ts';

let scene: SshScene;
beforeAll(() => {
  scene = new SshScene();
});
afterAll(() => scene.remove());

it('a login that hits its deadline is a time-out, and no doubt about who is at the other end', async () => {
  const hostKey = scene.makeHostKey();
  const shims = { '/usr/bin/ssh-keygen': '#!/bin/sh\nexec sleep 600\n' };
  const machine = await scene.start(hostKey, { shims });
  const target = scene.target(machine, bootingWith(hostKey));
  const error = await establish(scene.ssh, target, { patienceMs: 2_500 }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('demo') });
});
