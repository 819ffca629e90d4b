import { describe, expect, it } from 'vitest';
import { buildFailure, missingBuilder } from './image-build-errors.ts';

describe('buildFailure', () => {
  it.each([
    ['tar: x: Cannot write: No space left on device', /disk is full/, false],
    ["E: You don't have enough free space; not have enough free space in /", /disk is full/, false],
    [
      "Err:1 http://deb.debian.org bookworm InRelease: Temporary failure resolving 'deb.debian.org'",
      /can't be reached/,
      true,
    ],
    ['W: GPG error: NO_PUBKEY 0E98404D386FA1D9', /signature/, false],
    ['E: unshare failed: Operation not permitted', /may not build in a user namespace/, false],
  ])('knows %j', (line, message, retryable) => {
    expect(buildFailure(25, ['I: running', line])).toMatchObject({
      providerCode: 'action-failed',
      message: expect.stringMatching(message),
      info: { retryable, rawCode: '25' },
    });
  });

  it('names the exit status of what it does not know, with the last errors that were printed', () => {
    const { message, hints } = buildFailure(7, ['E: one', 'I: x', 'E: two', 'error: three', 'W: four']);
    expect(message).toBe('mmdebstrap failed with exit status 7');
    expect(hints).toEqual(['it said: E: two', 'it said: error: three', 'it said: W: four']);
  });

  it('names no remedy that fails: the home of a user is not for root', () => {
    const { hints } = buildFailure(25, ['E: unshare failed: Operation not permitted']);
    expect(hints.join('\n')).not.toMatch(/sudo (?:-E )?spuff/);
    expect(hints.join('\n')).toContain('uidmap');
  });
});

describe('missingBuilder', () => {
  it('says what to install, or how to bring an image over', () => {
    expect(missingBuilder('unavailable')).toMatchObject({ code: 'unavailable' });
    for (const code of ['unavailable', 'unsupported'] as const) {
      expect(missingBuilder(code).hints.join('\n')).toContain('docker load < spuff-base.tar');
    }
  });
});
