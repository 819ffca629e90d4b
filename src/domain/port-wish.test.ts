import { describe, expect, it } from 'vitest';
import { SpuffError } from './errors.ts';
import { looksLikePort, parsePortWish, uniquePorts, writePort } from './port-wish.ts';

describe('a port of the command line', () => {
  it.each([
    ['3000', { local: 3000, remote: 3000 }],
    ['8080:80', { local: 8080, remote: 80 }],
    ['1:65535', { local: 1, remote: 65_535 }],
  ])('%s', (text, wish) => {
    expect(parsePortWish(text)).toEqual(wish);
    expect(writePort(wish)).toBe(text);
  });

  it.each([
    '',
    '0',
    '65536',
    '3000:',
    ':3000',
    '1:2:3',
    '0.0.0.0:3000',
    '-1',
    '3e3',
    ' 3000',
    '٣٠٠٠',
    '99999999999',
  ])('refuses %j and says how one is written', (text) => {
    const read = () => parsePortWish(text);
    expect(read).toThrow(SpuffError);
    expect(read).toThrow(
      expect.objectContaining({ code: 'usage', hints: [expect.stringContaining('8080:3000')] }),
    );
  });

  it('is told from the name of an instance', () => {
    expect(['3000', '8080:80', '0', '1.2.3.4:5', ':', '70000'].every(looksLikePort)).toBe(true);
    expect(['demo', 'a1', '3000a', '1-2'].some(looksLikePort)).toBe(false);
  });

  it('may be said twice, but one local port leads to one place', () => {
    const three = { local: 3000, remote: 3000 };
    expect(uniquePorts([three, { ...three }, { local: 3001, remote: 3000 }])).toHaveLength(2);
    expect(() => uniquePorts([three, { local: 3000, remote: 80 }])).toThrow(
      '3000 and 3000:80 want the same port here',
    );
  });
});
