import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { machineLanes } from '../../scripts/machine-lanes.ts';

const project = join(import.meta.dirname, '..', '..');
const files = globSync('test/{e2e,contract,security}/**/*.test.ts', { cwd: project });

describe('every machine test', () => {
  it('runs in one lane, and in no other', () => {
    expect(files.length).toBeGreaterThan(90);
    const lanesOf = (file: string) =>
      machineLanes.filter(({ beginnings }) => beginnings.some((one) => file.startsWith(one)));
    expect(files.filter((file) => lanesOf(file).length !== 1)).toEqual([]);
  });

  it('is named by its lane once', () => {
    const beginnings = machineLanes.flatMap((lane) => lane.beginnings);
    expect(new Set(beginnings).size).toBe(beginnings.length);
    expect(new Set(machineLanes.map(({ name }) => name)).size).toBe(machineLanes.length);
  });
});
