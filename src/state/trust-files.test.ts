import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTrustStore } from './trust-files.ts';

let scratch: string;
let trusted: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'spuff-trust-'));
  trusted = join(scratch, 'trusted');
  for (const name of ['one', 'two']) mkdirSync(join(scratch, name));
});
afterEach(() => rmSync(scratch, { recursive: true }));

describe('what is trusted', () => {
  it('is kept by folder, whichever way that is reached, and in a file closed to others', () => {
    const store = openTrustStore({ trusted });
    store.replace(join(scratch, 'one'), ['pass show a', 'pass show a']);
    symlinkSync(join(scratch, 'one'), join(scratch, 'link'));
    expect([...store.list(join(scratch, 'link'))]).toEqual(['pass show a']);
    expect([...store.list(join(scratch, 'two'))]).toEqual([]);
    const [file = ''] = readdirSync(trusted);
    expect(statSync(join(trusted, file)).mode & 0o777).toBe(0o600);
    expect(store.forget(join(scratch, 'one'))).toBe(true);
    expect(store.forget(join(scratch, 'one'))).toBe(false);
    expect(store.list(join(scratch, 'one')).size).toBe(0);
  });

  it.each([
    '',
    '{',
    '{"version":2,"wishes":[]}',
    '{"version":1,"root":"/p","wishes":[1]}',
    '{"version":1,"wishes":[]}',
  ])('is not guessed from %j', (text) => {
    const store = openTrustStore({ trusted });
    store.replace(join(scratch, 'one'), ['a']);
    const [file = ''] = readdirSync(trusted);
    writeFileSync(join(trusted, file), text);
    expect(() => store.list(join(scratch, 'one'))).toThrow(/does not say what is trusted/);
  });
});
