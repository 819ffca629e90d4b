import { describe, expect, it } from 'vitest';
import { loadDescription } from '../simulators/openapi.ts';

// The official descriptions are not part of the project. Where they are absent the simulators are held to nothing, and a
// run must say so.

describe.each(['digitalocean.openapi.yaml', 'hetzner.openapi.json'])('%s', (file) => {
  it('is there, and finds fault with what breaks it', (context) => {
    const description = loadDescription(file);
    if (description === null)
      context.skip(`${file} is absent: set SPUFF_SPECS to its folder to hold the simulator to it`);
    const prefix = file.startsWith('digitalocean') ? '/v2' : '';
    const exchange = { method: 'GET', query: new URLSearchParams(), requestBody: '', status: 200 };
    const find = (path: string, answerBody: string) =>
      description?.findFaults({ ...exchange, path: prefix + path, answerBody });
    expect(find('/no-such-path', '{}')).toEqual([expect.stringContaining('no such operation')]);
    expect(find('/images', '{"images":"none"}')?.join()).toContain('/images');
    expect(find('/images', 'no json')).toEqual([expect.stringContaining('no JSON')]);
  });
});
