import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fakeIncidentPorts } from '../../test/fakes/incident-ports.ts';
import { runSteps } from '../../test/fakes/incident-run.ts';
import { type KeyWorld, makeKeyWorld } from '../../test/fakes/key-world.ts';
import { keySteps } from './respond-to-key.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-incident-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function respond(world: KeyWorld, { publicKey = '', fingerprint = '' } = world.keys.ring.current ?? {}) {
  const ports = fakeIncidentPorts(directory, { ownKeys: async () => world.keys });
  return runSteps(world.context, ports, keySteps(), {
    ...{ kind: 'ssh-key', subject: fingerprint, facts: { publicKey } },
    names: ['rotated', 'computer'],
  });
}

it('a machine that can not be reached is named and handed over, and the old key is kept for it', async () => {
  const world = await makeKeyWorld();
  const old = world.keys.ring.current;
  world.unreachable.add('two');
  const first = await respond(world);
  expect([first.state('rotated'), first.state('computer')]).toEqual(['left', 'left']);
  expect(first.said('rotated')).toContain('two still lets the old key in, or could not be asked: two is off');
  expect(first.said('rotated')).not.toContain('one still lets');
  expect(first.todo('rotated')).toContain('spuff down two');
  expect(first.todo('rotated')).toContain(`--resume ${first.incident.id}`);
  expect(world.keys.files).toContain(old?.name);
  expect(world.lockedOut()).toEqual([]);
});

it('ssh-agent is asked whether it has forgotten the key', async () => {
  const stubborn = await makeKeyWorld();
  stubborn.keys.stuck.add(stubborn.keys.ring.current?.publicKey ?? '');
  const kept = await respond(stubborn);
  expect([kept.state('rotated'), kept.state('computer')]).toEqual(['done', 'left']);
  expect(kept.said('computer')).toContain('ssh-agent still has it');
  expect(kept.todo('computer')).toContain('ssh-add -D');

  const obedient = await respond(await makeKeyWorld());
  expect(obedient.state('computer')).toBe('done');
  expect(obedient.said('computer')).toContain('seen: ssh-agent');
});
