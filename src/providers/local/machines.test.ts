/** What becomes of a machine when the call that orders it is cut off, on an engine that goes on with what it has begun. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeEngine } from '../../../test/fakes/fake-engine.ts';
import { makeInstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Provider, Runtime, VmSpec } from '../../domain/provider.ts';
import { systemRuntime } from '../../lib/clock.ts';
import { createLocalProvider } from './local-provider.ts';

const key = makeInstanceKey(1_700_000_000_000, new Uint8Array(10).fill(7));
const spec: VmSpec = {
  key,
  name: `spuff-${key}`,
  instanceName: 'demo',
  region: 'local',
  size: '1cpu-1gb',
  image: { kind: 'slug', slug: 'debian-12' },
  sshPublicKeys: [],
  userData: '#cloud-config\n{}\n',
  owner: 'someone',
  expiresAt: null,
};

let folder = '';
let engine: FakeEngine;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-engine-'));
  engine = new FakeEngine();
  engine.addBaseImage({});
  await engine.listen(join(folder, 'engine.sock'));
});
afterEach(() => {
  engine.close();
  rmSync(folder, { recursive: true });
});

function open(runtime: Runtime = systemRuntime): Provider {
  return createLocalProvider({
    runtime,
    home: join(folder, 'home'),
    engineSocket: join(folder, 'engine.sock'),
    env: {},
    userHome: folder,
    extraFiles: [],
  });
}

const anHour = (signal = new AbortController().signal): CallOptions => ({
  signal,
  deadline: new Date(Date.now() + 3_600_000),
});

/** A clock whose sleeps of `ms` end when they are told to; all others never do. */
function clockThatEnds(ms: (sleptMs: number) => boolean, when: Promise<void>): Runtime {
  return {
    ...systemRuntime,
    sleep: async (sleptMs, signal) => {
      if (ms(sleptMs)) return when;
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  };
}

const isDeadline = (ms: number) => ms > 60_000;

describe('create, when it is cut off', () => {
  it.each(['POST /containers/create', 'PUT /containers', 'POST /networks/create'])(
    'leaves nothing that find does not see, when it is aborted in %s',
    async (moment) => {
      const stop = new AbortController();
      engine.createMs = 150;
      engine.onRequest = (line) => line.startsWith(moment) && stop.abort(new Error('stopped by the test'));
      const provider = open();
      await expect(provider.create(spec, anHour(stop.signal))).rejects.toMatchObject({ code: 'interrupted' });
      const found = await provider.find(spec.key, anHour());
      // What is made later would be seen by nobody.
      expect(found === null ? 0 : 1).toBe(engine.containers.length);
      if (found) await provider.destroy(found.id, { ...anHour(), expectKey: spec.key });
      await new Promise((resolve) => setTimeout(resolve, 2 * engine.createMs));
      expect(engine.containers).toEqual([]);
    },
  );

  it('waits for the answer at its deadline as well', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    engine.createMs = 150;
    engine.onRequest = (line) => line === 'POST /containers/create' && resolve();
    const asking = open(clockThatEnds(isDeadline, promise)).create(spec, anHour());
    await expect(asking).rejects.toMatchObject({ providerCode: 'timeout' });
    expect(engine.containers).toHaveLength(1);
  });

  it('does not wait for ever for an engine that says nothing', async () => {
    const stop = new AbortController();
    engine.createMs = 3_600_000;
    engine.onRequest = (line) => line === 'POST /containers/create' && stop.abort();
    const runtime = clockThatEnds((ms) => !isDeadline(ms), Promise.resolve());
    await expect(open(runtime).create(spec, anHour(stop.signal))).rejects.toMatchObject({
      code: 'interrupted',
    });
  });

  it('begins nothing more after the abort', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    engine.onRequest = (line) => {
      lines.push(line);
      if (line === 'POST /containers/create') stop.abort();
    };
    await expect(open().create(spec, anHour(stop.signal))).rejects.toMatchObject({ code: 'interrupted' });
    expect(lines.at(-1)).toBe('POST /containers/create');
  });
});

describe('the network', () => {
  it('is refused when somebody else made it, and nothing is put on it', async () => {
    engine.networks.push({ Id: 'n', Name: 'spuff', Labels: {} });
    await expect(open().create(spec, anHour())).rejects.toMatchObject({
      providerCode: 'conflict',
      message: expect.stringContaining('spuff did not make'),
    });
    expect(engine.containers).toEqual([]);
    expect(engine.networks).toHaveLength(1);
  });

  it('is ours when one of several of that name is', async () => {
    engine.networks.push({ Id: 'n', Name: 'spuff', Labels: {} });
    engine.networks.push({ Id: 'm', Name: 'spuff', Labels: { 'spuff.kind': 'network' } });
    expect(await open().create(spec, anHour())).toMatchObject({ key, state: 'running' });
  });
});
