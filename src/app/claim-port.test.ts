import { describe, expect, it } from 'vitest';
import { MemoryTunnels } from '../../test/fakes/memory-tunnels.ts';
import { sampleTunnel } from '../../test/fakes/sample-tunnel.ts';
import type { PortLook } from '../lib/local-port.ts';
import { claimPort, type PortClaim } from './claim-port.ts';

const wish = { local: 3000, remote: 80 };

function claim(looks: Record<number, PortLook>, change: Partial<PortClaim> = {}): Promise<number> {
  const lookAtPort = async (port: number) => looks[port] ?? ({ kind: 'free' } as const);
  return claimPort(wish, {
    name: 'demo',
    anyPort: false,
    promised: new Set(),
    tunnels: [],
    lookAtPort,
    ...change,
  });
}

const byNode = { kind: 'taken', holder: { pid: 321, name: 'node' } } as const;

describe('the local port of a tunnel', () => {
  it('is the wanted one where that is free', async () => {
    expect(await claim({})).toBe(3000);
  });

  it('is refused with who has it, and what to do', async () => {
    await expect(claim({ 3000: byNode })).rejects.toMatchObject({
      code: 'conflict',
      message: 'port 3000 of this computer is taken by node (process 321)',
      hints: ['take another: spuff tunnel demo 13000:80', expect.stringContaining('--any-port')],
    });
    await expect(claim({ 3000: { kind: 'taken', holder: null } })).rejects.toThrow("another user's program");
  });

  it('names the tunnel that has it, and how that is ended', async () => {
    const tunnels = new MemoryTunnels([
      sampleTunnel({ name: '7000', ports: [{ ...wish, isListening: true, blocked: null }] }),
    ]);
    await expect(claim({ 3000: byNode }, { tunnels: tunnels.list() })).rejects.toMatchObject({
      message: 'port 3000 of this computer is taken by a tunnel to 7000 (process 4711)',
      hints: expect.arrayContaining(['end that: spuff tunnel --name 7000 --stop']),
    });
  });

  it('is the next free one that is not promised, where any will do', async () => {
    const options = { anyPort: true, promised: new Set([3002]) };
    expect(await claim({ 3000: byNode, 3001: byNode }, options)).toBe(3003);
    expect(await claim({}, { anyPort: true, promised: new Set([3000]) })).toBe(3001);
  });

  it('is refused where none is free', async () => {
    const lookAtPort = async () => byNode;
    await expect(claim({}, { anyPort: true, lookAtPort })).rejects.toThrow(
      'port 3000 of this computer is taken',
    );
  });

  it('is refused, or another one, where only root may listen', async () => {
    const lookAtPort = async (port: number) =>
      port < 10_000 ? { kind: 'forbidden' as const } : { kind: 'free' as const };
    await expect(claim({}, { lookAtPort })).rejects.toMatchObject({
      code: 'permission',
      hints: [expect.stringContaining('13000:80')],
    });
    expect(await claim({}, { lookAtPort, anyPort: true })).toBe(11_000);
  });
});
