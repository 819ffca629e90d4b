import { type Header, pack } from 'tar-stream';

/** A tar archive of these entries, however strange they are. */
export async function packTar(
  entries: readonly (Partial<Header> & { name: string; text?: string })[],
): Promise<Buffer> {
  const archive = pack();
  for (const { text = '', ...header } of entries) archive.entry(header as Header, text);
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const emptySummary = JSON.stringify({ version: 1, repositories: [], leftOut: [] });
