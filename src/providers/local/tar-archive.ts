import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { type Header, type Pack, pack } from 'tar-stream';

/** A file or link in an archive. `path` is absolute, as on the machine; everything belongs to root. */
export type ArchiveEntry =
  | { path: string; content: string | Uint8Array; mode: number; changedAt?: Date }
  | { path: string; linkTo: string }
  | { path: string; sourcePath: string; bytes: number; mode: number };

const epoch = new Date(0);

/** A tar archive of the entries, with the directories above them (0755). Fails when a source file does. */
export function streamArchive(entries: readonly ArchiveEntry[]): Readable {
  const output = pack();
  addAll(output, entries).then(
    () => output.finalize(),
    (error: unknown) => output.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return Readable.from(output);
}

/** The same in memory. */
export async function makeArchive(entries: readonly ArchiveEntry[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of streamArchive(entries) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function addAll(output: Pack, entries: readonly ArchiveEntry[]): Promise<void> {
  const seen = new Set<string>();
  for (const entry of entries) {
    for (const directory of directoriesAbove(entry.path)) {
      if (seen.has(directory)) continue;
      seen.add(directory);
      output.entry({ ...header(`${directory}/`), type: 'directory', mode: 0o755 });
    }
    await addEntry(output, entry);
  }
}

async function addEntry(output: Pack, entry: ArchiveEntry): Promise<void> {
  if ('linkTo' in entry) {
    output.entry({ ...header(entry.path), type: 'symlink', linkname: entry.linkTo });
  } else if ('content' in entry) {
    const mtime = entry.changedAt ?? epoch;
    output.entry(
      { ...header(entry.path), type: 'file', mode: entry.mode, mtime },
      Buffer.from(entry.content),
    );
  } else {
    const target = output.entry({ ...header(entry.path), type: 'file', mode: entry.mode, size: entry.bytes });
    // When the archive fails, so does its open entry; the archive's reader is told, and nobody else has to be.
    target.on('error', () => undefined);
    for await (const chunk of createReadStream(entry.sourcePath) as AsyncIterable<Buffer>) {
      if (!target.write(chunk)) await once(target, 'drain');
    }
    target.end(undefined);
  }
}

/** `/etc` and `/etc/cloud` for `/etc/cloud/x`. */
function directoriesAbove(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_part, at) => `/${parts.slice(0, at + 1).join('/')}`);
}

function header(path: string): Pick<Header, 'name' | 'uid' | 'gid' | 'uname' | 'gname' | 'mtime'> {
  return { name: `.${path}`, uid: 0, gid: 0, uname: 'root', gname: 'root', mtime: epoch };
}
