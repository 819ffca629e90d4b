/** Searches trees of files as the archives that tar and the engine make of them: each byte of each, whatever holds it. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess } from '../../src/lib/process.ts';

export interface Hit {
  name: string;
  path: string;
}

export interface Searched {
  files: number;
  bytes: number;
  hits: Hit[];
}

/**
 * One pass over the archive: grep gives the offset of what it finds, and tar that of each file. `tar` may end with 1 for a
 * file that has changed meanwhile, and a socket is left out; nothing else may fail.
 */
const script = `set -u
folder=$1; shift
"$@" 2>"$folder/said" > >(tee >(LC_ALL=C grep -aobF -f "$folder/needles" >"$folder/found"; echo end >"$folder/ended") |
  tar --list --block-number --ignore-zeros --file - >"$folder/list"; echo end >"$folder/listed")
status=$?
until [ -e "$folder/ended" ] && [ -e "$folder/listed" ]; do sleep 0.02; done
rm "$folder/ended" "$folder/listed"
exit $status`;

/** @param vault a folder of the test's own, which nobody else can enter; a search makes one for itself in there */
export async function searchArchive(
  vault: string,
  producer: readonly string[],
  names: ReadonlyMap<string, string>,
): Promise<Searched> {
  const folder = mkdtempSync(join(vault, 'search-'));
  writeFileSync(join(folder, 'needles'), [...names.keys()].join('\n'), { mode: 0o600 });
  const { exitCode } = await runProcess(['bash', '-c', script, 'bash', folder, ...producer], {
    timeoutMs: 170_000,
  });
  const read = (name: string) => readFileSync(join(folder, name), 'latin1').split('\n').filter(Boolean);
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`${producer.join(' ')}: ${read('said').join('\n')}`);
  const entries = read('list').flatMap((line) => {
    const [, block, path] = /^block (\d+): (.*)$/.exec(line) ?? [];
    return block === undefined || path === undefined ? [] : [{ at: Number(block) * 512, path }];
  });
  const end = entries.findLast(({ path }) => path.startsWith('** '))?.at ?? entries.at(-1)?.at ?? 0;
  const files = entries.filter(({ path }) => !path.startsWith('** '));
  const hits = read('found').map((line) => {
    const offset = Number(line.slice(0, line.indexOf(':')));
    const name = names.get(line.slice(line.indexOf(':') + 1)) ?? line;
    return { name, path: `/${files.findLast(({ at }) => at <= offset)?.path.replace(/^\.?\//, '') ?? ''}` };
  });
  return { files: files.filter(({ path }) => !path.endsWith('/')).length, bytes: end, hits: unique(hits) };
}

function unique(hits: readonly Hit[]): Hit[] {
  return [...new Map(hits.map((hit) => [`${hit.name} ${hit.path}`, hit])).values()];
}
