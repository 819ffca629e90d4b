import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { extract, type Header } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeArchive } from './tar-archive.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-tar-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function read(archive: Buffer): Promise<(Header & { content: string })[]> {
  const entries: (Header & { content: string })[] = [];
  const reader = extract();
  reader.end(archive);
  for await (const entry of reader) entries.push({ ...entry.header, content: await text(entry) });
  return entries;
}

describe('makeArchive', () => {
  it('holds files, links and the directories above them, once each, all of root', async () => {
    const sourcePath = join(folder, 'large');
    const large = 'x'.repeat(300_000);
    writeFileSync(sourcePath, large);
    const entries = await read(
      await makeArchive([
        { path: '/etc/spuff/a', content: 'ä', mode: 0o640 },
        { path: '/etc/spuff/b', linkTo: '/dev/null' },
        { path: '/usr/c', sourcePath, bytes: large.length, mode: 0o755 },
      ]),
    );
    expect(entries.map(({ name, type, mode }) => [name, type, mode])).toEqual([
      ['./etc/', 'directory', 0o755],
      ['./etc/spuff/', 'directory', 0o755],
      ['./etc/spuff/a', 'file', 0o640],
      ['./etc/spuff/b', 'symlink', expect.any(Number)],
      ['./usr/', 'directory', 0o755],
      ['./usr/c', 'file', 0o755],
    ]);
    expect(entries.map(({ content }) => content)).toEqual(['', '', 'ä', '', '', large]);
    expect(entries[3]?.linkname).toBe('/dev/null');
    for (const { uid, gid, uname, gname, mtime } of entries) {
      expect({ uid, gid, uname, gname }).toEqual({ uid: 0, gid: 0, uname: 'root', gname: 'root' });
      expect(mtime?.getTime()).toBe(0);
    }
  });

  it('is the same each time', async () => {
    const entries = [{ path: '/a', content: 'x', mode: 0o644 }];
    expect(await makeArchive(entries)).toEqual(await makeArchive(entries));
  });

  it('fails with the source file that is missing', async () => {
    const sourcePath = join(folder, 'missing');
    const asking = makeArchive([{ path: '/a', sourcePath, bytes: 1, mode: 0o644 }]);
    await expect(asking).rejects.toMatchObject({ code: 'ENOENT', path: sourcePath });
  });
});
