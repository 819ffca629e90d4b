import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// The machine tests share one prepared engine and base image; the setup file makes them.
const machineSetup = 'test/machine/setup.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'fast',
          include: ['src/**/*.test.ts', 'test/tooling/**/*.test.ts', 'test/simulation/**/*.test.ts'],
          pool: 'threads',
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'fuzz',
          include: ['test/fuzz/**/*.test.ts'],
          // A hang ends its process, not the run.
          pool: 'forks',
          maxWorkers: 2,
          // What hangs is ended by its watch; beside the machine tests the others wait for their turn.
          testTimeout: process.env['SPUFF_NIGHTLY'] === '1' ? 3_600_000 : 900_000,
        },
      },
      {
        test: {
          name: 'machine',
          include: ['test/{e2e,contract,security}/**/*.test.ts'],
          pool: 'forks',
          // One machine test at a time: they share the engine, and timings of two cores.
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          ...(existsSync(machineSetup) ? { globalSetup: [machineSetup] } : {}),
        },
      },
    ],
  },
});
