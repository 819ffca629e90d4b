import { describe, expect, it } from 'vitest';
import { forgeHostKeys } from '../domain/forge-keys.ts';
import { knownHostsMark, renderKnownHosts } from './known-hosts.ts';

describe('the known hosts of a machine', () => {
  it('are the keys of the forges, below the line that says whose file it is', () => {
    const [mark, ...lines] = renderKnownHosts(forgeHostKeys()).trimEnd().split('\n');
    expect(mark).toBe(knownHostsMark);
    expect(lines).toEqual(forgeHostKeys());
    expect(lines.filter((line) => line.startsWith('github.com ssh-ed25519 '))).toHaveLength(1);
  });

  it('take a port, as known_hosts writes it', () => {
    expect(renderKnownHosts(['[forge.test]:2222 ssh-ed25519 AAAA'])).toContain('\n[forge.test]:2222 ');
  });

  it.each([
    '',
    'forge.test',
    '@revoked forge.test ssh-ed25519 AAAA',
    '* ssh-ed25519 AAAA',
    'a ssh-ed25519 AAAA\nb ssh-ed25519 AAAA',
    'forge.test ssh-ed25519 AAAA comment',
  ])('refuse %j for a line', (line) => {
    expect(() => renderKnownHosts([line])).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});
