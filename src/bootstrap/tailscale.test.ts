import { describe, expect, it } from 'vitest';
import {
  buildTailnetJoin,
  buildTailscaleInstall,
  readTailnetStatus,
  tailscaleKeyFingerprint,
} from './tailscale.ts';

const status = (ips: unknown, more: object = {}) =>
  JSON.stringify({ BackendState: 'Running', TailscaleIPs: ips, Self: { Tags: ['tag:dev'] }, ...more });

describe('what a machine says of its tailnet', () => {
  it('is an address and tags', () => {
    const both = status(['fd7a:115c:a1e0::1', '100.64.0.1']);
    expect(readTailnetStatus(both)).toEqual({ host: '100.64.0.1', tags: ['tag:dev'] });
    expect(readTailnetStatus(`# Health check:\n${status(['fd7a:115c:a1e0::2'])}`)).toMatchObject({
      host: 'fd7a:115c:a1e0::2',
    });
  });

  it.each([
    ['', /did not say/],
    ['[]', /did not say/],
    ['{"BackendState":7}', /did not say/],
    [status(['100.63.0.1']), /no address/],
    [status(['100.128.0.1']), /no address/],
    [status(['100.64.0.256']), /no address/],
    [status(['100.64.0.1 -oX=y']), /no address/],
    [status(['fd7a:115c:a1e1::1']), /no address/],
    [status('100.64.0.1x'), /no address/],
    [status(null, { Self: null }), /no address/],
    [status([], { BackendState: 'NeedsLogin' }), /NeedsLogin/],
  ])('is not believed when it is %s', (text, reason) => {
    expect(readTailnetStatus(text)).toEqual({ reason: expect.stringMatching(reason) });
  });
});

it('the key is named by a file, and the maker’s signature by its fingerprint', () => {
  const join = buildTailnetJoin({ hostname: 'demo', tags: ['tag:a', 'tag:b'] });
  expect(join.slice(-2)).toEqual(['--hostname=demo', '--advertise-tags=tag:a,tag:b']);
  expect(join.join(' ')).toContain('--auth-key="file:$key"');
  expect(buildTailnetJoin({ hostname: 'demo', tags: null }).at(-1)).toBe('--hostname=demo');
  expect(buildTailscaleInstall().at(-1)).toBe(tailscaleKeyFingerprint);
});
