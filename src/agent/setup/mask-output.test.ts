import { describe, it } from 'vitest';
import { createMask } from './mask-output.ts';

describe('createMask', () => {
  it('takes values out of a line, as they are and as URLs and JSON write them', ({ expect }) => {
    const mask = createMask({ DATABASE_URL: 'postgres://app:p4ss w/rd"x@db/app' });
    expect(mask('connecting to postgres://app:p4ss w/rd"x@db/app now')).toBe('connecting to [redacted] now');
    expect(mask(JSON.stringify({ url: 'postgres://app:p4ss w/rd"x@db/app' }))).toBe('{"url":"[redacted]"}');
    expect(mask(encodeURIComponent('postgres://app:p4ss w/rd"x@db/app'))).toBe('[redacted]');
  });

  it('leaves plain words, unless their name says that they are secret', ({ expect }) => {
    const mask = createMask({ NODE_ENV: 'production', DB_PASSWORD: 'swordfish' });
    expect(mask('building for production with swordfish')).toBe('building for production with [redacted]');
  });
});
