import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareVersions, protocolVersion, spuffVersion } from './version.ts';

describe('the version', () => {
  it('is that of the package', () => {
    const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
    expect(spuffVersion).toBe((JSON.parse(text) as { version: string }).version);
  });

  it('tells a peer that still understands us from one that does not', () => {
    expect(compareVersions({ version: spuffVersion, protocol: protocolVersion })).toBe('same');
    expect(compareVersions({ version: '99.0.0', protocol: protocolVersion })).toBe('other-version');
    expect(compareVersions({ version: spuffVersion, protocol: protocolVersion + 1 })).toBe('other-protocol');
  });
});
