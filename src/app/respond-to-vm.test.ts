import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeIncidentPorts } from '../../test/fakes/incident-ports.ts';
import { runSteps } from '../../test/fakes/incident-run.ts';
import { makeKeyWorld } from '../../test/fakes/key-world.ts';
import { auditOf } from '../../test/fakes/memory-audit.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { MemoryTunnels } from '../../test/fakes/memory-tunnels.ts';
import { sampleGuardRecord } from '../../test/fakes/sample-guard.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleTunnel } from '../../test/fakes/sample-tunnel.ts';
import { SpuffError } from '../domain/errors.ts';
import { silentProgress } from '../domain/progress.ts';
import type { VolumeMount } from '../domain/volume.ts';
import type { AppContext } from './context.ts';
import { vmSteps } from './respond-to-vm.ts';
import type { IncidentPorts } from './run-incident.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-incident-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const instance = sampleInstance({ tailnet: { host: '127.0.0.2', isPublicClosed: false } });
const { key } = instance;

function contextOf(change: object): AppContext {
  const state = new MemoryState([instance]);
  return {
    home: directory,
    signal: new AbortController().signal,
    runtime: { now: () => Date.UTC(2026, 10, 28) },
    progress: silentProgress,
    audit: auditOf([]),
    state: async () => state,
    project: async () => null,
    projectFiles: async () => ({ readSecrets: async () => null }),
    ...change,
  } as unknown as AppContext;
}

const respond = (context: AppContext, names: readonly string[], given: Partial<IncidentPorts> = {}) =>
  runSteps(context, fakeIncidentPorts(directory, given), vmSteps({ snapshot: false }), {
    ...{ kind: 'vm', subject: instance.name, names },
    facts: { key, provider: instance.provider, directory: instance.directory },
  });

const logOf = (...sessions: object[]) => {
  const signed = sampleGuardRecord({ decision: 'signed', reason: null }, { destination: 'github.com' });
  const audit = auditOf([signed, sampleGuardRecord()]);
  for (const details of sessions) audit.require({ kind: 'session', details });
  return audit;
};

describe('what a machine could see', () => {
  it('is each signature and the lent agent, also when the machine is gone from the state', async () => {
    const audit = logOf({ instanceKey: key, lent: 'raw' });
    const result = await respond(contextOf({ audit, state: async () => new MemoryState() }), ['exposed']);
    expect(result.state('exposed')).toBe('done');
    expect(result.said('exposed').match(/signed for it at/g)).toHaveLength(1);
    expect(result.said('exposed')).toContain('login at git@github.com');
    expect(result.said('exposed')).toContain('your ssh-agent itself was lent to it');
    expect(result.incident.facts).toMatchObject({ raw: 'yes', forges: 'github.com' });
  });

  it('is what can be known with a broken spuff.yaml, and says what could not be', async () => {
    const broken = () => Promise.reject(new SpuffError('config', 'spuff.yaml:3: no such key'));
    const env = { TOKEN_OF_CI: {} };
    const context = contextOf({
      audit: logOf(),
      project: broken,
      projectFiles: async () => ({ readSecrets: async () => ({ env }) }),
    });
    const result = await respond(context, ['exposed', 'replaced']);
    expect(result.state('exposed')).toBe('left');
    expect(result.said('exposed')).toContain('signed for it at');
    expect(result.said('exposed')).toContain('spuff.yaml:3: no such key');
    expect(result.said('exposed')).toContain('it was given the variable TOKEN_OF_CI');
    expect(result.todo('exposed')).toContain('--resume');
    expect(result.todo('replaced')).toContain(`the project in ${instance.directory}`);
  });

  it('is what sync kept the same', async () => {
    mkdirSync(join(directory, 'sync'), { mode: 0o700 });
    const record = { version: 1, folder: '/home/dev/site', tree: null, files: [['a', 'x', 'y']] };
    writeFileSync(join(directory, 'sync', `${key}.json`), JSON.stringify(record), { mode: 0o600 });
    const result = await respond(contextOf({}), ['exposed', 'replaced']);
    expect(result.said('exposed')).toContain('(files: 1)');
    expect(result.said('exposed')).toContain('/home/dev/site');
    expect(result.todo('replaced')).toContain('what sync brought from it');
  });

  it('keeps the machine alive while its log can not be read', async () => {
    const read = () => {
      throw new SpuffError('state', 'the log is broken');
    };
    const asked: string[] = [];
    const context = contextOf({ audit: { read }, provider: async () => ({ id: 'fake' }) });
    const names = ['evidence', 'snapshot', 'exposed', 'destroyed'];
    const mayDestroy = async (id: string) => asked.push(id) === 0;
    const result = await respond(context, names, { mayDestroy });
    expect([result.state('exposed'), result.state('destroyed')]).toEqual(['failed', 'waiting']);
    expect(result.todo('destroyed')).toContain('--without exposed');
    expect(asked).toEqual([]);
    await respond(context, names, { mayDestroy, goesWithout: (step) => step === 'exposed' });
    expect(asked).toEqual([instance.name]);
  });
});

describe('a machine that is cut off', () => {
  function scene(given: { staysMounted: boolean }) {
    const mine: VolumeMount = { key, target: '/home/dev/a', mountPoint: '/home/someone/a' };
    const other = { ...mine, key: sampleInstance({ name: 'other' }).key, mountPoint: '/home/someone/b' };
    const mounts = [mine, other];
    const order: string[] = [];
    const tunnels = new MemoryTunnels([sampleTunnel(), sampleTunnel({ id: 'ffff0000', key: other.key })]);
    const context = contextOf({
      mounts: async () => ({
        list: async () => [...mounts],
        unmount: async (mountPoint: string) => {
          order.push(`unmount ${mountPoint}`);
          if (given.staysMounted) throw new SpuffError('unavailable', 'no umount');
          mounts.splice(
            mounts.findIndex((one) => one.mountPoint === mountPoint),
            1,
          );
        },
      }),
      tunnels: async () => tunnels,
      ssh: async () => ({
        run: () => Promise.reject(new SpuffError('connection', 'off')),
        disconnect: async () => order.push('disconnect'),
      }),
      provider: async () => ({
        id: instance.provider,
        firewall: {
          show: async () => ['0.0.0.0/0'],
          set: async (_key: string, rules: readonly string[]) => order.push(`rules ${rules.length}`),
        },
      }),
    });
    return { context, order, tunnels, mounts };
  }

  it('is shown nowhere here, has no tunnel, and its node is handed over with the page', async () => {
    const { context, order, tunnels, mounts } = scene({ staysMounted: false });
    const result = await respond(context, ['closed', 'replaced']);
    expect(result.said('closed')).not.toContain('failed');
    expect(result.state('closed')).toBe('done');
    expect(mounts.map(({ mountPoint }) => mountPoint)).toEqual(['/home/someone/b']);
    expect(tunnels.ended).toEqual(['0123abcd']);
    expect(order).toEqual(['unmount /home/someone/a', 'disconnect', 'rules 0']);
    expect(result.said('closed')).toContain('seen: /home/someone/a shows it no more');
    expect(result.said('closed')).toContain('it did not leave your tailnet');
    const page = 'https://login.tailscale.com/admin/machines';
    for (const step of ['closed', 'replaced']) {
      expect(result.todo(step)).toContain(page);
      expect(result.todo(step)).toContain('127.0.0.2');
    }
  });

  it('is said to be mounted still where that can not be ended, and its port is shut all the same', async () => {
    const { context, order } = scene({ staysMounted: true });
    const result = await respond(context, ['closed']);
    expect(result.state('closed')).toBe('left');
    expect(result.todo('closed')).toContain('spuff volume unmount /home/someone/a');
    expect(order.at(-1)).toBe('rules 0');
  });
});

describe('the login key', () => {
  it.each([
    ['lent raw, and in the agent', true, true],
    ['lent raw, and not in the agent', true, false],
    ['not lent', false, true],
  ])('%s', async (_what, raw, isHeld) => {
    const world = await makeKeyWorld();
    const old = world.keys.ring.current;
    if (isHeld) world.keys.stuck.add(old?.publicKey ?? '');
    const result = await runSteps(
      world.context,
      fakeIncidentPorts(directory, { ownKeys: async () => world.keys }),
      vmSteps({ snapshot: false }),
      {
        ...{ kind: 'vm', subject: 'demo', names: ['login-key'] },
        facts: { key, ...(raw && { raw: 'yes' }) },
      },
    );
    expect(result.state('login-key')).toBe('done');
    expect(world.keys.ring.current?.name === old?.name).toBe(!(raw && isHeld));
  });
});
