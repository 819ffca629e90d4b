import { describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleTunnel } from '../../test/fakes/sample-tunnel.ts';
import { broken, TunnelScene } from '../../test/fakes/tunnel-scene.ts';
import type { ErrorCode } from '../domain/errors.ts';
import type { RemoteListener } from '../domain/tunnel.ts';
import type { TunnelEnd } from './keep-tunnel.ts';

const vite: RemoteListener = { port: 5173, isOwn: true, process: 'node' };
const end = (scene: TunnelScene) => () => scene.stop.abort();
const nothing = () => undefined;

describe('a tunnel', () => {
  it('carries its ports until it is stopped, and leaves no record', async () => {
    const scene = new TunnelScene();
    scene.listeners = [{ port: 3000, isOwn: true, process: 'node' }];
    scene.plan.push(nothing, end(scene));
    expect(await scene.run()).toBe('stopped');
    expect(scene.links.map(({ forwards, isClosed }) => ({ forwards, isClosed }))).toEqual([
      { forwards: ['3000:3000'], isClosed: true },
    ]);
    expect(scene.last).toMatchObject({
      state: 'connected',
      ports: [{ local: 3000, remote: 3000, isListening: true }],
      offered: [],
    });
    expect(scene.tunnels.list()).toEqual([]);
  });

  it('is built again when the connection breaks, with waits that grow', async () => {
    const scene = new TunnelScene();
    scene.plan.push(nothing, () => {
      scene.refusals.push(...Array.from({ length: 8 }, () => broken()));
      scene.links[0]?.end.resolve(broken());
    });
    const running = scene.run();
    while (scene.links.length < 2) await new Promise((resolve) => setImmediate(resolve));
    scene.plan.push(end(scene));
    expect(await running).toBe('stopped');
    expect(scene.links[1]?.forwards).toEqual(['3000:3000']);
    expect(scene.kinds.filter((kind) => kind !== 'changed')).toEqual(['connected', 'lost', 'connected']);
    expect(scene.events.filter((event) => event.kind === 'connected').map(({ again }) => again)).toEqual([
      false,
      true,
    ]);
    const longest =
      Math.max(...scene.tunnels.saved.map(({ since }) => since.getTime())) - Date.UTC(2026, 10, 23, 12);
    expect(longest).toBeGreaterThan(60_000);
    expect(longest).toBeLessThan(240_000);
  });

  it('waits also before it tries again where each connection breaks at once', async () => {
    const scene = new TunnelScene();
    const each = setInterval(() => scene.links.at(-1)?.end.resolve(broken()), 1);
    const running = scene.run();
    while (scene.links.length < 8) await new Promise((resolve) => setImmediate(resolve));
    scene.stop.abort();
    clearInterval(each);
    await running;
    expect(scene.nowMs - Date.UTC(2026, 10, 23, 12)).toBeGreaterThan(30_000);
  });

  it.each<ErrorCode>(['connection', 'auth', 'host-identity', 'timeout'])(
    'fails at once where the first login fails with %s',
    async (code) => {
      const scene = new TunnelScene();
      scene.refusals.push(broken(code));
      await expect(scene.run()).rejects.toMatchObject({ code });
      expect(scene.tunnels.list()).toEqual([]);
    },
  );

  it('goes on through a locked agent later, and never through another host key', async () => {
    const scene = new TunnelScene();
    scene.plan.push(nothing, () => {
      scene.refusals.push(broken('auth'), broken('host-identity'));
      scene.links[0]?.end.resolve(broken());
    });
    await expect(scene.run()).rejects.toMatchObject({ code: 'host-identity' });
    expect(scene.links).toHaveLength(1);
  });

  it('is over when the instance is being destroyed, is gone, or its lease has ended', async () => {
    const { key } = sampleInstance();
    const ends: [TunnelEnd, (scene: TunnelScene) => void][] = [
      ['destroyed', ({ state }) => state.updateInstance(key, { phase: 'destroying' })],
      ['destroyed', ({ state }) => state.deleteInstance(key)],
      [
        'lease-over',
        (scene) => {
          scene.nowMs += 25 * 3_600_000;
          scene.links[0]?.end.resolve(broken());
        },
      ],
    ];
    for (const [why, happens] of ends) {
      const scene = new TunnelScene();
      scene.plan.push(nothing, () => happens(scene));
      expect(await scene.run()).toBe(why);
      expect(scene.links.every(({ isClosed }) => isClosed)).toBe(true);
      expect(scene.kinds).not.toContain('lost');
    }
  });

  it.each<[string, (scene: TunnelScene) => void]>([
    ['slept', (scene) => (scene.nowMs += 3_600_000)],
    ['is in another network', (scene) => (scene.addresses = '198.51.100.7')],
  ])(
    'asks the machine when this computer %s, and is built again where that is silent',
    async (_, happens) => {
      for (const answers of [true, false]) {
        const scene = new TunnelScene();
        const happen = () => {
          const [link] = scene.links;
          if (link) link.answers = answers;
          happens(scene);
        };
        scene.plan.push(nothing, happen, nothing, nothing, nothing, end(scene));
        await scene.run();
        expect(scene.links[0]?.asked).toBe(1);
        expect(scene.kinds.includes('lost')).toBe(!answers);
        expect(scene.links.length).toBe(answers ? 1 : 2);
      }
    },
  );

  it('asks nothing of a machine while nothing has happened', async () => {
    const scene = new TunnelScene();
    scene.plan.push(...Array.from({ length: 30 }, () => nothing), end(scene));
    await scene.run();
    expect(scene.links[0]?.asked).toBe(0);
  });
});

describe('the ports of a tunnel', () => {
  const taken = { kind: 'taken', holder: { pid: 9, name: 'other' } } as const;

  it('that are taken end it before it dials', async () => {
    const scene = new TunnelScene();
    scene.taken.set(3000, taken);
    await expect(scene.run()).rejects.toMatchObject({ code: 'conflict' });
    expect(scene.links).toEqual([]);
  });

  it('may be others, where any will do', async () => {
    const scene = new TunnelScene();
    scene.taken.set(3000, taken);
    scene.plan.push(end(scene));
    await scene.run({ anyPort: true });
    expect(scene.links[0]?.forwards).toEqual(['3001:3000']);
  });

  it('that are taken while the connection was away come back when they are free', async () => {
    const scene = new TunnelScene();
    scene.plan.push(
      nothing,
      () => {
        scene.taken.set(3000, taken);
        scene.links[0]?.end.resolve(broken());
      },
      nothing,
      nothing,
      nothing,
      () => scene.taken.clear(),
      nothing,
      nothing,
      end(scene),
    );
    await scene.run();
    expect(scene.kinds.filter((kind) => kind === 'blocked')).toHaveLength(1);
    expect(scene.links[1]?.forwards).toEqual(['3000:3000']);
    expect(scene.last?.ports).toMatchObject([{ blocked: null }]);
  });

  it('are offered once when the user begins to listen on others', async () => {
    const scene = new TunnelScene();
    const root: RemoteListener = { port: 80, isOwn: false, process: null };
    const sshd: RemoteListener = { port: 6010, isOwn: true, process: 'sshd' };
    scene.plan.push(
      () => scene.links[0]?.tell(vite, root, sshd),
      () => scene.links[0]?.tell(root),
      () => scene.links[0]?.tell(vite, root, sshd),
      nothing,
      end(scene),
    );
    await scene.run();
    expect(scene.events.filter(({ kind }) => kind === 'noticed')).toEqual([
      { kind: 'noticed', listener: vite },
    ]);
    expect(scene.last?.offered).toEqual([vite]);
    expect(scene.links[0]?.forwards).toEqual(['3000:3000']);
  });

  it('that another tunnel to the instance carries are not offered', async () => {
    const scene = new TunnelScene();
    const other = { local: 9000, remote: 5173, isListening: true, blocked: null };
    scene.tunnels.save(sampleTunnel({ id: 'ffffffff', ports: [other] }));
    scene.plan.push(() => scene.links[0]?.tell(vite), nothing, end(scene));
    await scene.run();
    expect(scene.kinds).not.toContain('noticed');
  });

  it('are forwarded unasked with auto, where the port is taken at the next one', async () => {
    const scene = new TunnelScene();
    scene.taken.set(5173, taken);
    scene.plan.push(() => scene.links[0]?.tell(vite), nothing, end(scene));
    await scene.run({ auto: true, ports: [] });
    expect(scene.links[0]?.forwards).toEqual(['5174:5173']);
    expect(scene.kinds).toContain('opened');
    expect(scene.last).toMatchObject({
      ports: [{ local: 5174, remote: 5173, isListening: true }],
      offered: [],
    });
  });
});
