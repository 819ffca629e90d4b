import { join } from 'node:path';
import { baseImageFiles as filesOfCli } from '../../src/main/base-image-files.ts';
import type { ExtraFile } from '../../src/providers/local/image-store.ts';

/** What the base image of the tests carries: the same as the CLI's, so that neither makes the other's out of date. */
export function baseImageFiles(): readonly ExtraFile[] {
  const project = join(import.meta.dirname, '..', '..');
  return filesOfCli({
    dist: join(project, 'dist'),
    home: join(project, 'node_modules', '.cache', 'spuff-test'),
  });
}
