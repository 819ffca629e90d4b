import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findEngine, type SocketFinding } from './engine-socket.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-engine-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const question = { configured: null, env: {}, home: '/home/u', op: 'find' };

/** A computer where nothing is but what is named. */
function probeOf(findings: Record<string, SocketFinding>) {
  const asked: string[] = [];
  const probe = async (path: string): Promise<SocketFinding> => {
    asked.push(path);
    return findings[path] ?? 'absent';
  };
  return { asked, probe };
}

describe('findEngine', () => {
  it('looks in the usual places, in their order, and takes the first that answers', async () => {
    const { asked, probe } = probeOf({ '/home/u/.docker/run/docker.sock': 'answers' });
    const env = { XDG_RUNTIME_DIR: '/run/user/1' };
    expect(await findEngine({ ...question, env }, probe)).toEqual({
      socketPath: '/home/u/.docker/run/docker.sock',
    });
    expect(asked).toEqual([
      '/var/run/docker.sock',
      '/run/user/1/docker.sock',
      '/run/user/1/podman/podman.sock',
      '/run/podman/podman.sock',
      '/home/u/.docker/run/docker.sock',
    ]);
  });

  it('goes on past a socket that is closed to this user', async () => {
    const { probe } = probeOf({
      '/var/run/docker.sock': 'denied',
      '/run/user/1/podman/podman.sock': 'answers',
    });
    const env = { XDG_RUNTIME_DIR: '/run/user/1' };
    expect(await findEngine({ ...question, env }, probe)).toEqual({
      socketPath: '/run/user/1/podman/podman.sock',
    });
  });

  it('tells of the first closed one when nothing else answers', async () => {
    const { probe } = probeOf({ '/var/run/docker.sock': 'denied', '/run/podman/podman.sock': 'denied' });
    await expect(findEngine(question, probe)).rejects.toMatchObject({
      providerCode: 'network',
      message: expect.stringContaining('may not use the container engine at /var/run/docker.sock'),
    });
  });

  it('says that there is none where there is none', async () => {
    await expect(findEngine(question, probeOf({}).probe)).rejects.toMatchObject({
      providerCode: 'network',
      message: 'no container engine answers',
    });
  });

  it.each([
    ['denied', 'may not use'],
    ['absent', 'no container engine answers at /s'],
  ] as const)('looks nowhere else when one is named that is %s', async (finding, message) => {
    const { asked, probe } = probeOf({ '/s': finding, '/var/run/docker.sock': 'answers' });
    const asking = findEngine({ ...question, configured: 'unix:///s' }, probe);
    await expect(asking).rejects.toThrow(message);
    expect(asked).toEqual(['/s']);
  });

  it('takes the setting before DOCKER_HOST, and an address on loopback as it is', async () => {
    const { probe } = probeOf({ '/s': 'answers', '/d': 'answers' });
    const env = { DOCKER_HOST: 'unix:///d' };
    expect(await findEngine({ ...question, env, configured: '/s' }, probe)).toEqual({ socketPath: '/s' });
    expect(await findEngine({ ...question, env }, probe)).toEqual({ socketPath: '/d' });
    for (const [address, port] of [
      ['tcp://127.0.0.1', 2375],
      ['http://localhost:99', 99],
    ] as const) {
      const found = await findEngine({ ...question, configured: address }, probe);
      expect(found).toMatchObject({ port });
    }
  });

  it.each(['tcp://192.0.2.1:2375', 'ssh://root@host', 'tcp://127.0.0.1.evil.example', 'nonsense'])(
    'refuses %s',
    async (address) => {
      await expect(findEngine({ ...question, configured: address }, probeOf({}).probe)).rejects.toMatchObject(
        {
          code: 'config',
        },
      );
    },
  );

  it('counts as an engine only what listens', async () => {
    const alive = join(folder, 'alive');
    const server = createServer().listen(alive);
    await once(server, 'listening');
    expect(await findEngine({ ...question, configured: alive })).toEqual({ socketPath: alive });
    server.close();
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const path of [file, join(folder, 'missing')]) {
      await expect(findEngine({ ...question, configured: path })).rejects.toThrow('no container engine');
    }
  });
});
