/** Inputs that are kept: some of each form that a parser takes, and each that has broken one. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, 'corpus');

/** In the order of their names. @throws Error for a parser that has none: nothing could be made out of nothing */
export function readCorpus(parser: string): [Buffer, ...Buffer[]] {
  const directory = join(root, parser);
  const [first, ...more] = readdirSync(directory)
    .sort()
    .map((name) => readFileSync(join(directory, name)));
  if (first === undefined) throw new Error(`there is nothing in ${directory}`);
  return [first, ...more];
}

export function failurePath(parser: string, input: Uint8Array): string {
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 12);
  return join(root, parser, `failure-${hash}`);
}

/** @returns where it is; commit it with what mends the parser */
export function keepFailure(parser: string, input: Uint8Array): string {
  const path = failurePath(parser, input);
  mkdirSync(join(root, parser), { recursive: true });
  writeFileSync(path, input);
  return path;
}
