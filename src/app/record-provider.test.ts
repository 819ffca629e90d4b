import { describe, expect, it } from 'vitest';
import { MemoryAudit } from '../../test/fakes/memory-audit.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { SpuffError } from '../domain/errors.ts';
import type { CallOptions, Provider, ToldRequest } from '../domain/provider.ts';
import { recordProvider } from './record-provider.ts';

const { key } = sampleInstance();
const options = { signal: new AbortController().signal, deadline: new Date(8.64e15) };

/** Each method makes these requests, and is noted. */
function scene(requests: readonly ToldRequest[] = [{ method: 'POST', url: '/x', status: 201 }]) {
  const audit = new MemoryAudit();
  const called: string[] = [];
  const method = (name: string) => {
    return async (...given: unknown[]) => {
      called.push(name);
      for (const request of requests) (given.at(-1) as CallOptions).onRequest?.(request);
    };
  };
  const plain = {
    id: 'fake',
    ...Object.fromEntries(
      ['find', 'create', 'destroy', 'setExpiry', 'removeLeftover', 'harden'].map((name) => [
        name,
        method(name),
      ]),
    ),
    snapshots: {
      create: method('snapshots.create'),
      delete: method('snapshots.delete'),
      list: method('list'),
    },
    images: { build: method('images.build'), remove: method('images.remove') },
    firewall: { set: method('firewall.set'), show: method('show') },
    loginKeys: { replace: method('loginKeys.replace') },
  } as unknown as Provider;
  return { audit, called, provider: recordProvider(plain, audit) };
}

const spec = { key, name: 'spuff-x', instanceName: 'demo', region: 'r', size: 's', expiresAt: null } as never;
const leftover = { kind: 'ip', id: '7', name: 'n', key, billed: true } as const;
const own = { ...options, expectKey: key };
const replacement = { removed: 'a', added: 'b', machines: [] };

type Call = readonly [string, (provider: Provider) => Promise<unknown> | undefined];
/** What makes something, lets in, or lets live. */
const widening: readonly Call[] = [
  ['create', (provider) => provider.create(spec, options)],
  ['setExpiry', (provider) => provider.setExpiry('1', null, own)],
  ['images.build', (provider) => provider.images?.build(options)],
  ['firewall.set', (provider) => provider.firewall?.set(key, ['192.0.2.0/24'], options)],
  ['loginKeys.replace', (provider) => provider.loginKeys?.replace(replacement, options)],
];
const narrowing: readonly Call[] = [
  ['destroy', (provider) => provider.destroy('1', own)],
  ['removeLeftover', (provider) => provider.removeLeftover(leftover, options)],
  ['harden', (provider) => provider.harden?.('1', options)],
  ['snapshots.create', (provider) => provider.snapshots?.create('1', 'n', own)],
  ['snapshots.delete', (provider) => provider.snapshots?.delete('1', options)],
  ['images.remove', (provider) => provider.images?.remove('x', options)],
  ['firewall.set', (provider) => provider.firewall?.set(key, [], options)],
  ['loginKeys.replace', (provider) => provider.loginKeys?.replace({ ...replacement, added: null }, options)],
];

describe('a change', () => {
  it.each([...widening, ...narrowing])(
    '%s is written down before it, and each of its requests',
    async (operation, call) => {
      const { audit, provider } = scene([
        { method: 'GET', url: '/1' },
        { method: 'POST', url: '/2', status: 422, requestId: 'r-1' },
        { method: 'DELETE', url: '/3' },
        { method: 'POST', url: '/4', isRead: true },
      ]);
      await call(provider);
      const [begun, ...requests] = audit.entries;
      expect(begun).toMatchObject({ kind: 'change', details: { provider: 'fake', operation } });
      expect(requests).toMatchObject([
        { kind: 'request', details: { operation, method: 'POST', url: '/2', status: 422, requestId: 'r-1' } },
        { kind: 'request', details: { operation, method: 'DELETE', url: '/3', status: null } },
      ]);
    },
  );

  it.each(widening)('%s is not made when it can not be written down', async (_operation, call) => {
    const { audit, called, provider } = scene();
    audit.failure = new SpuffError('state', 'the disk is full');
    await expect(call(provider)).rejects.toThrow('the disk is full');
    expect(called).toEqual([]);
  });

  it.each(narrowing)('%s is made all the same', async (operation, call) => {
    const { audit, called, provider } = scene();
    audit.failure = new SpuffError('state', 'the disk is full');
    await call(provider);
    expect(called).toEqual([operation]);
  });

  it('still tells who listened before', async () => {
    const heard: string[] = [];
    await scene().provider.destroy('1', { ...own, onRequest: ({ url }) => void heard.push(url) });
    expect(heard).toEqual(['/x']);
  });
});

it('writes nothing about what only reads', async () => {
  const { audit, provider } = scene([{ method: 'GET', url: '/x', status: 200 }]);
  await provider.find(key, options);
  await provider.firewall?.show(key, options);
  expect(audit.entries).toEqual([]);
});
