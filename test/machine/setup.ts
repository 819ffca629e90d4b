import type { TestProject } from 'vitest/node';
import { cleanUp, ensureBaseImage, ensureEngine } from './lab.ts';

/** Runs once before all machine tests: one clear failure when there is no engine, instead of one a test. */
export async function setup(_project: TestProject): Promise<void> {
  await ensureEngine();
  await ensureBaseImage();
  // What a run before this one left when it was killed.
  await cleanUp();
}

export async function teardown(): Promise<void> {
  await cleanUp();
}
