import { describe, expect, test } from 'vitest';
import type { CallOptions, Vm, VmSpec } from '../../src/domain/provider.ts';
import { ProviderError } from '../../src/domain/provider-error.ts';
import { collect } from './collect.ts';
import type { ConformanceHarness, HarnessGetter } from './provider-conformance.ts';

const callMs = 60_000;

const hostileNames = [
  '',
  ' ',
  '.',
  '..',
  '../../etc/passwd',
  'a b',
  'a/b',
  "it's",
  'say "hi"',
  '$(touch /tmp/pwned)',
  '`id`',
  'a\nb',
  'a\r\nX-Injected: 1',
  'a\0b',
  '-rf',
  '%2e%2e%2f',
  'a?b=c',
  'a#b',
  '{"a":1}',
  'x'.repeat(300),
  'héllo',
  '\u202egnp.exe',
  '\u001b[2J',
];

/** What a provider must not do, and how it says so. */
export function describeRefusals(get: HarnessGetter): void {
  describe('refusals', () => {
    test('user data over the limit is refused before any request; at the limit it is planned', async () => {
      const harness = get();
      const { provider, makeSpec } = harness;
      const limit = provider.caps.maxUserDataBytes;
      const { error, requests } = await refusedCreate(harness, makeSpec({ userData: sized(limit + 1) }));
      expect(error).toMatchObject({ providerCode: 'invalid', info: { field: 'userData' } });
      expect(requests).toBe(0);
      expect(provider.plan(makeSpec({ userData: sized(limit) })).requests.length).toBeGreaterThan(0);
      // The limit is in bytes: half as many characters of two bytes each, and one.
      const wide = sized(limit / 2).replace(/x/g, '\u00e9');
      const wideRefusal = await refusedCreate(harness, makeSpec({ userData: `${wide}${wide}` }));
      expect(wideRefusal.error).toMatchObject({ providerCode: 'invalid' });
    });

    test.each([
      ['size', { size: 'no-such-size' }],
      ['region', { region: 'no-such-region' }],
      ['image', { image: { kind: 'slug', slug: 'no-such-image' } }],
      ['image id', { image: { kind: 'id', id: 'no-such-image' } }],
    ] satisfies [string, Partial<VmSpec>][])(
      'an unknown %s is refused and leaves nothing',
      async (_what, change) => {
        const harness = get();
        const spec = harness.makeSpec(change);
        const { error } = await refusedCreate(harness, spec);
        expect(['invalid', 'not-found', 'region-unavailable', 'capacity']).toContain(error?.providerCode);
        expectWellFormed(harness, error);
        await expect(harness.provider.find(spec.key, harness.within(callMs))).resolves.toBeNull();
      },
    );

    test('a hostile instance name is refused, or comes back as it was', async () => {
      const harness = get();
      const { provider, makeSpec, within } = harness;
      for (const instanceName of hostileNames) {
        const spec = makeSpec({ instanceName });
        const { error, vm } = await refusedCreate(harness, spec);
        if (error) expect(error.providerCode).toBe('invalid');
        else expect(vm?.instanceName).toBe(instanceName);
        const found = await provider.find(spec.key, within(callMs));
        expect(found === null).toBe(error !== null);
        if (found)
          await provider.destroy(found.id, { ...within(harness.machineTimeoutMs), expectKey: spec.key });
      }
    });

    test('a machine that is not named after its key is refused', async () => {
      const harness = get();
      const { error } = await refusedCreate(harness, harness.makeSpec({ name: 'spuff-other' }));
      expect(error?.providerCode).toBe('invalid');
    });

    test('ids that no machine has give null, whatever is in them', async () => {
      const { provider, within } = get();
      for (const id of [...hostileNames, '0', 'no-such-machine', 'f'.repeat(64), '..%2f..']) {
        await expect(provider.get(id, within(callMs)), JSON.stringify(id)).resolves.toBeNull();
      }
    });

    test('a key that no machine has gives null, and destroying or removing what is not there is success', async () => {
      const { provider, makeSpec, within } = get();
      const { key } = makeSpec();
      await expect(provider.find(key, within(callMs))).resolves.toBeNull();
      for (const id of ['no-such-machine', 'f'.repeat(64), '../x']) {
        await expect(provider.destroy(id, { ...within(callMs), expectKey: key })).resolves.toBeUndefined();
        await expect(provider.waitFor(id, 'gone', within(callMs))).resolves.toBeNull();
        const leftover = { kind: 'vm', id, name: id, key, billed: false } as const;
        await expect(provider.removeLeftover(leftover, within(callMs))).resolves.toBeUndefined();
      }
      expect(await collect(provider.leftovers(key, within(callMs)))).toEqual([]);
    });

    test('waiting for a machine that is not there to run fails at once', async () => {
      const harness = get();
      const error = await harness.provider
        .waitFor('no-such-machine', 'running', harness.within(3_600_000))
        .catch(same);
      expectWellFormed(harness, error);
      expect(['not-found', 'action-failed']).toContain((error as ProviderError).providerCode);
    });

    test('an image that is not there can not be removed', async () => {
      const harness = get();
      const { images } = harness.provider;
      const error = images ? await images.remove('no-such-image', harness.within(callMs)).catch(same) : null;
      if (images) expectWellFormed(harness, error);
      expect(images ? (error as ProviderError).providerCode : 'not-found').toBe('not-found');
    });
  });
}

async function refusedCreate(
  { provider, within }: ConformanceHarness,
  spec: VmSpec,
): Promise<{ error: ProviderError | null; vm: Vm | null; requests: number }> {
  let requests = 0;
  const options: CallOptions = {
    ...within(callMs),
    onRequest: () => {
      requests += 1;
    },
  };
  try {
    return { error: null, vm: await provider.create(spec, options), requests };
  } catch (error) {
    if (error instanceof ProviderError) return { error, vm: null, requests };
    throw error;
  }
}

/** Every error of a provider says whose it is, what failed, and whether to try again. */
export function expectWellFormed({ provider }: Pick<ConformanceHarness, 'provider'>, error: unknown): void {
  expect(error).toBeInstanceOf(ProviderError);
  const { info, message } = error as ProviderError;
  expect(info.provider).toBe(provider.id);
  expect(info.op).not.toBe('');
  expect(typeof info.retryable).toBe('boolean');
  expect(message).not.toMatch(controlCharacters);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const controlCharacters = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

/** `#cloud-config` and a comment, of exactly so many bytes. */
function sized(bytes: number): string {
  const head = '#cloud-config\n{}\n#';
  return head + 'x'.repeat(bytes - head.length);
}

function same(error: unknown): unknown {
  return error;
}
