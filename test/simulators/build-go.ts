/** Programs around clients that providers publish for Go, built from Debian's packages of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from '../../src/lib/process.ts';

export interface GoProgram {
  path: string;
  remove(): void;
}

/** @param name of the folder below this one that holds its `main.go` */
export async function buildGo(name: string): Promise<GoProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'spuff-go-'));
  const path = join(folder, 'program');
  const source = join(import.meta.dirname, name, 'main.go');
  const built = await runProcess(['go', 'build', '-o', path, source], {
    timeoutMs: 280_000,
    env: { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(tmpdir(), 'spuff-go-cache') },
  });
  if (built.exitCode !== 0) throw new Error(`${source} can't be built:\n${built.stderr}`);
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
