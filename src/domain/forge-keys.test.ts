import { describe, expect, it } from 'vitest';
import { parsePublicKey } from '../lib/public-key.ts';
import { forges, toDestination } from './forge-keys.ts';

const all = forges.flatMap(({ name, keys }) => keys.map((key) => ({ name, ...key })));

describe('the keys of the forges', () => {
  it.each(all)('$name $fingerprint is the fingerprint that is published', ({ line, fingerprint }) => {
    const key = parsePublicKey(line);
    expect(key?.line).toBe(line);
    expect(key?.fingerprint).toBe(fingerprint);
    expect(key?.bits).toBeGreaterThanOrEqual(key?.type === 'ssh-rsa' ? 2048 : 256);
  });

  it('tells a key with one wrong letter', () => {
    const [first] = all;
    const wrong = first!.line.replace('GKJl', 'GKJm');
    expect(wrong).not.toBe(first!.line);
    expect(parsePublicKey(wrong)?.fingerprint).not.toBe(first!.fingerprint);
  });

  it('belong to one forge each, and none was withdrawn', () => {
    const fingerprints = all.map(({ fingerprint }) => fingerprint);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
    // GitHub replaced this RSA key in March 2023, Bitbucket this one in June 2023.
    expect(fingerprints).not.toContain('SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8');
    expect(fingerprints).not.toContain('SHA256:zzXQOXSRBEiUtuE8AikJYKwbHaxvSc0ojez9YXaGp1A');
  });

  it('are published by the makers, over HTTPS', () => {
    for (const { source } of forges) {
      expect(new URL(source)).toMatchObject({ protocol: 'https:' });
    }
    expect(new URL(forges[0]!.source).hostname).toBe('docs.github.com');
  });

  it('are trusted with plain signatures only where nothing better is offered', () => {
    const plain = forges.map(toDestination).filter((destination) => destination.plain);
    expect(plain.map(({ name }) => name)).toEqual(['github.com', 'gitlab.com', 'bitbucket.org']);
    for (const destination of forges.map(toDestination)) expect(destination.users).toEqual(['git']);
  });
});
