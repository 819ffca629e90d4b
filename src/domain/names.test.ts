import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpuffError } from './errors.ts';
import { checkInstanceName, checkUserName, isInstanceName, nearestInstanceName } from './names.ts';

describe('checkInstanceName', () => {
  it.each(['demo', 'a', 'web-2', 'a'.repeat(40)])('takes %s', (name) => {
    expect(checkInstanceName(name)).toBe(name);
  });

  it.each(['', '-a', 'a-', 'A', 'a b', 'a.b', 'ä', 'a\n', '$(id)', '../x', 'a'.repeat(41)])(
    'refuses %j',
    (name) => {
      expect(() => checkInstanceName(name)).toThrow(SpuffError);
    },
  );
});

describe('nearestInstanceName', () => {
  it('makes the names of folders usable', () => {
    expect(nearestInstanceName('My Projekt (2)')).toBe('my-projekt-2');
    expect(nearestInstanceName('Überblick')).toBe('uberblick');
    expect(nearestInstanceName('...')).toBeNull();
  });

  it('gives a usable name or none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const name = nearestInstanceName(text);
        expect(name === null || isInstanceName(name)).toBe(true);
      }),
    );
  });
});

describe('checkUserName', () => {
  it.each(['dev', 'ada_l', 'x-1', '_svc'])('takes %s', (name) => {
    expect(checkUserName(name)).toBe(name);
  });

  it.each(['root', 'nobody', 'spuff-agent', 'Dev', '1a', 'a b', 'a:b', 'a\n', 'a$', '-a', 'x'.repeat(32)])(
    'refuses %j',
    (name) => {
      expect(() => checkUserName(name)).toThrow(SpuffError);
    },
  );
});
