import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Pack } from 'tar-stream';

/** A file in the archive; `path` is relative. */
export type ArchiveFile =
  | { path: string; content: string | Uint8Array; mode: number }
  | { path: string; sourcePath: string; bytes: number; mode: number };

/** Made the same for the same files: the time of everything in it. */
const epoch = new Date(0);

/** Compresses more than twice as fast as the default, for a tenth more bytes. */
const compressionLevel = 1;

/** A compressed tar archive as it is made. Fails when a source file can't be read. */
export async function packFiles(files: readonly ArchiveFile[]): Promise<AsyncIterable<Uint8Array>> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  addAll(archive, files).then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  const compressed = createGzip({ level: compressionLevel });
  // An error of either ends both, and reaches whoever reads.
  pipeline(Readable.from(archive), compressed, () => undefined);
  return compressed;
}

async function addAll(archive: Pack, files: readonly ArchiveFile[]): Promise<void> {
  for (const file of files) {
    const header = { name: file.path, mode: file.mode, mtime: epoch, uid: 0, gid: 0 };
    if ('content' in file) {
      archive.entry(header, Buffer.from(file.content));
      continue;
    }
    const entry = archive.entry({ ...header, size: file.bytes });
    // It fails with the archive, whose reader is told.
    entry.on('error', () => undefined);
    for await (const chunk of createReadStream(file.sourcePath) as AsyncIterable<Buffer>) {
      if (!entry.write(chunk)) await once(entry, 'drain');
    }
    entry.end(undefined);
  }
}
