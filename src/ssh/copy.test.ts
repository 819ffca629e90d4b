import { describe, expect, it } from 'vitest';
import { toScpPaths } from './copy.ts';

describe('toScpPaths', () => {
  it('sends: local names are never hosts or options, the machine is the alias', () => {
    expect(
      toScpPaths({ from: ['a b', '-r', 'host:x', '/abs', '../up', './here'], to: ':in' }, 'spuff-k'),
    ).toEqual({
      sources: ['./a b', './-r', './host:x', '/abs', './../up', '././here'],
      destination: 'spuff-k:in',
    });
  });

  it('fetches: nothing in a name of the machine is a pattern', () => {
    expect(toScpPaths({ from: [':*.log', ':a[1]?{x,y}\\', ':~/x'], to: '-o' }, 'spuff-k')).toEqual({
      sources: ['spuff-k:\\*.log', 'spuff-k:a\\[1\\]\\?\\{x,y\\}\\\\', 'spuff-k:~/x'],
      destination: './-o',
    });
  });

  it('takes the colon alone for the home directory', () => {
    expect(toScpPaths({ from: ['x'], to: ':' }, 'spuff-k').destination).toBe('spuff-k:');
  });

  it.each([
    [['a'], 'b'],
    [[':a'], ':b'],
    [['a', ':b'], 'c'],
    [['a', ':b'], ':c'],
    [[], ':c'],
    [[''], ':c'],
    [['a\0'], ':c'],
  ])('refuses %j to %j', (from, to) => {
    expect(() => toScpPaths({ from, to }, 'spuff-k')).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
