import { describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleTunnel } from '../../test/fakes/sample-tunnel.ts';
import { broken, TunnelScene, web } from '../../test/fakes/tunnel-scene.ts';
import { openPorts } from './open-ports.ts';
import { openSession } from './open-session.ts';

describe('the ports of a session', () => {
  it('are there when it begins, and end with it', async () => {
    const scene = new TunnelScene();
    const ports = await openPorts(scene.context, sampleInstance(), [web], scene.computer);
    expect(scene.links[0]?.forwards).toEqual(['3000:3000']);
    expect(scene.tunnels.list()).toMatchObject([{ kind: 'session' }]);
    await ports.close();
    expect(scene.links[0]?.isClosed).toBe(true);
    expect(scene.tunnels.list()).toEqual([]);
    expect(scene.warnings).toEqual([]);
  });

  it('never keep it from beginning: what goes wrong is told', async () => {
    const scene = new TunnelScene();
    scene.taken.set(3000, { kind: 'taken', holder: { pid: 9, name: 'other' } });
    const ports = await openPorts(
      scene.context,
      sampleInstance(),
      [web, { local: 8080, remote: 80 }],
      scene.computer,
    );
    expect(scene.warnings).toEqual([expect.stringContaining('taken by other (process 9)')]);
    expect(scene.links[0]?.forwards).toEqual(['8080:80']);
    await ports.close();
    const refused = new TunnelScene();
    refused.refusals.push(broken('host-identity'));
    const none = await openPorts(refused.context, sampleInstance(), [web], refused.computer);
    expect(refused.warnings).toEqual(['a port is not carried: broken: host-identity']);
    await none.close();
  });

  it('are left to another tunnel that carries them, without a word', async () => {
    const scene = new TunnelScene();
    scene.tunnels.save(sampleTunnel({ id: 'ffffffff' }));
    scene.taken.set(3000, { kind: 'taken', holder: null });
    const ports = await openPorts(scene.context, sampleInstance(), [web], scene.computer);
    expect(scene.warnings).toEqual([]);
    scene.taken.clear();
    while (scene.links[0]?.forwards.length !== 1) await new Promise((resolve) => setImmediate(resolve));
    await ports.close();
  });

  it('are nothing where there are none', async () => {
    const scene = new TunnelScene();
    await (await openPorts(scene.context, sampleInstance(), [])).close();
    expect(scene.links).toEqual([]);
  });

  it('are carried by the session itself, whichever way it ends', async () => {
    const scene = new TunnelScene();
    const seen: unknown[] = [];
    const request = { sshArgs: [], onRefused: () => undefined, ports: [web], inContainer: false };
    scene.session = async () => {
      seen.push(scene.tunnels.list().map(({ kind, state }) => ({ kind, state })));
      return 7;
    };
    expect(await openSession(scene.context, sampleInstance(), request)).toBe(7);
    expect(seen).toEqual([[{ kind: 'session', state: 'connected' }]]);
    expect(scene.links.map(({ isClosed }) => isClosed)).toEqual([true]);
    scene.session = () => Promise.reject(broken('auth'));
    await expect(openSession(scene.context, sampleInstance(), request)).rejects.toMatchObject({
      code: 'auth',
    });
    expect(scene.links.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });
});
