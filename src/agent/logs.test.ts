import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogFrame } from '../protocol/response-schemas.ts';
import { followLog } from './follow-log.ts';
import { listLogs, type OpenLog, openLog } from './open-log.ts';
import { maxLineBytes, maxTailBytes, readTail } from './read-log.ts';

let outside: string;
let root: string;
beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'spuff-logs-'));
  root = join(outside, 'log');
  mkdirSync(join(root, 'app'), { recursive: true });
  writeFileSync(join(outside, 'secret'), 'secret\n');
  writeFileSync(join(root, 'app', 'a.log'), 'one\ntwo\nthree\n');
});
afterEach(() => rmSync(outside, { recursive: true, force: true }));

async function tail(file: string, lines: number) {
  const log = await openLog(root, file);
  try {
    return await readTail(log, lines);
  } finally {
    await log.handle.close();
  }
}

async function codeOf(file: string): Promise<string> {
  try {
    const { handle } = await openLog(root, file);
    await handle.close();
    return 'opened';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe('openLog', () => {
  it('opens a file by its path below the root, and by its whole path', async () => {
    expect(await codeOf('app/a.log')).toBe('opened');
    expect(await codeOf(join(root, 'app/a.log'))).toBe('opened');
  });

  it('refuses every way out of the root', async () => {
    for (const file of [
      '../secret',
      'app/../../secret',
      `${root}/../secret`,
      '/etc/passwd',
      '.',
      '..',
      '',
      '/',
      'app//a.log',
    ]) {
      expect(await codeOf(file), file).toBe('forbidden');
    }
    const segment = fc.constantFrom('..', '.', '', 'app', 'a.log', 'secret', '%2e%2e', '..\\', '...');
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 6 }), async (segments) => {
        const result = await codeOf(segments.join('/'));
        expect(result === 'opened').toBe(segments.join('/') === 'app/a.log');
      }),
    );
  });

  it('refuses links, wherever they stand and lead to', async () => {
    symlinkSync(join(outside, 'secret'), join(root, 'link.log'));
    symlinkSync(join(root, 'app', 'a.log'), join(root, 'inside.log'));
    symlinkSync(outside, join(root, 'folder'));
    linkSync(join(outside, 'secret'), join(root, 'hard.log'));
    for (const file of ['link.log', 'inside.log', 'folder/secret', 'hard.log']) {
      expect(await codeOf(file), file).toBe('forbidden');
    }
  });

  it('refuses pipes, devices and folders without waiting for them', async () => {
    execFileSync('mkfifo', [join(root, 'pipe.log')]);
    for (const file of ['pipe.log', 'app']) expect(await codeOf(file), file).toBe('forbidden');
    await expect(openLog('/dev', 'zero')).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('says so when there is none', async () => {
    expect(await codeOf('missing.log')).toBe('not-found');
    expect(await codeOf('app/a.log/x')).toBe('not-found');
  });

  it('lists files of text, and neither links nor archives', async () => {
    symlinkSync('/etc/passwd', join(root, 'link.log'));
    for (const name of ['old.log.1.gz', 'wtmp', 'syslog']) writeFileSync(join(root, name), 'x');
    expect((await listLogs(root)).map(({ file }) => file)).toEqual([
      join(root, 'app/a.log'),
      join(root, 'syslog'),
    ]);
  });
});

describe('listLogs', () => {
  it('lists nothing that openLog refuses for its links', async () => {
    linkSync(join(outside, 'secret'), join(root, 'hard.log'));
    expect((await listLogs(root)).map(({ file }) => file)).toEqual([join(root, 'app/a.log')]);
  });

  it('lists nothing that its user may not read', async () => {
    writeFileSync(join(root, 'closed.log'), 'x', { mode: 0o000 });
    for (const folder of [outside, root]) chmodSync(folder, 0o755);
    const script =
      `import(${JSON.stringify(import.meta.resolve('./open-log.ts'))}).then(({ listLogs }) => ` +
      'listLogs(process.argv[1])).then((files) => console.log(JSON.stringify(files)))';
    // Root may read everything: somebody else looks.
    const nobody = process.geteuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const listed = execFileSync(process.execPath, ['-e', script, root], { cwd: '/', ...nobody });
    expect(JSON.parse(listed.toString())).toMatchObject([{ file: join(root, 'app/a.log') }]);
  });
});

describe('readTail', () => {
  it('gives no more than one answer holds, whatever JSON makes of it', async () => {
    for (const byte of ['x', '\u0001', 'ü', '"']) {
      writeFileSync(join(root, 'dense.log'), `${byte.repeat(3_000)}\n`.repeat(5_400));
      const { lines, more } = await tail('dense.log', 5_000);
      expect(Buffer.byteLength(JSON.stringify(lines))).toBeLessThanOrEqual(maxTailBytes + 2);
      expect(lines.length).toBeGreaterThan(40);
      expect(more).toBe(true);
      // The last ones are whole.
      expect(new Set(lines)).toEqual(new Set([byte.repeat(3_000)]));
    }
  });

  it('reads two tails at once and no more: each takes memory', async () => {
    let reading = 0;
    let most = 0;
    const handle = {
      async read(buffer: Buffer, _offset: number, length: number) {
        most = Math.max(most, ++reading);
        await new Promise((resolve) => setImmediate(resolve));
        reading--;
        buffer.fill('line\n');
        return { bytesRead: length, buffer };
      },
    };
    const log = { handle, path: '/x', stats: { size: 500_000 } } as unknown as OpenLog;
    const tails = await Promise.all(Array.from({ length: 24 }, () => readTail(log, 5_000)));
    expect(most).toBe(2);
    expect(tails.every(({ lines }) => lines.length === 5_000)).toBe(true);
  });

  it('gives the last lines of any file', async () => {
    const line = fc.string({ maxLength: 30 }).map((text) => text.toWellFormed().replace(/[\r\n]/g, ' '));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 12 }),
        async (lines, ended, count) => {
          writeFileSync(join(root, 'any.log'), lines.join('\n') + (ended ? '\n' : ''));
          // A file that ends in a newline has no empty line after it.
          const all = !ended && lines.at(-1) === '' ? lines.slice(0, -1) : lines;
          const expected = lines.join('') === '' && lines.length === 1 && !ended ? [] : all.slice(-count);
          expect((await tail('any.log', count)).lines).toEqual(expected);
        },
      ),
    );
  });

  it('reads a large file from its end', async () => {
    writeFileSync(
      join(root, 'large.log'),
      Array.from({ length: 200_000 }, (_, index) => `line ${index}\n`).join(''),
    );
    const { lines, more } = await tail('large.log', 3);
    expect(lines).toEqual(['line 199997', 'line 199998', 'line 199999']);
    expect(more).toBe(true);
  });

  it('cuts a line without end', async () => {
    writeFileSync(join(root, 'wide.log'), 'x'.repeat(10_000_000));
    const { lines } = await tail('wide.log', 10);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.length).toBeLessThan(maxLineBytes + 50);
  });
});

describe('followLog', () => {
  /** Reads frames until one is the wanted line. */
  async function readUntil(frames: AsyncGenerator<LogFrame>, last: string): Promise<string[]> {
    const seen: string[] = [];
    for (;;) {
      const { value, done } = await frames.next();
      if (done) throw new Error(`the log ended after ${JSON.stringify(seen)}`);
      if (value.type !== 'ping') seen.push(value.type === 'line' ? value.line : value.type);
      if (seen.at(-1) === last) return seen;
    }
  }

  function follow(lines: number, stop = new AbortController()) {
    return followLog({ root, file: 'app/a.log', lines, signal: stop.signal, pollMs: 5 });
  }

  it('gives the last lines and then each new one, whole', async () => {
    const frames = follow(1);
    expect(await readUntil(frames, 'three')).toEqual(['three']);
    appendFileSync(join(root, 'app/a.log'), 'fo');
    const next = readUntil(frames, 'five');
    appendFileSync(join(root, 'app/a.log'), 'ur\nfive\n');
    expect(await next).toEqual(['four', 'five']);
    await frames.return(undefined);
  });

  it('does not give a line that is still being written twice', async () => {
    writeFileSync(join(root, 'app/a.log'), 'one\ntw');
    const frames = follow(5);
    expect(await readUntil(frames, 'one')).toEqual(['one']);
    appendFileSync(join(root, 'app/a.log'), 'o\n');
    expect(await readUntil(frames, 'two')).toEqual(['two']);
    await frames.return(undefined);
  });

  it('goes on after the file was replaced, and gives what the old one still got', async () => {
    const frames = follow(1);
    const path = join(root, 'app/a.log');
    await readUntil(frames, 'three');
    appendFileSync(path, 'before\n');
    expect(await readUntil(frames, 'before')).toEqual(['before']);
    appendFileSync(path, 'last of the old\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'first of the new\n');
    expect(await readUntil(frames, 'first of the new')).toEqual([
      'last of the old',
      'rotated',
      'first of the new',
    ]);
    await frames.return(undefined);
  });

  it('goes on after the file was cut, or was gone for a while', async () => {
    const frames = follow(1);
    const path = join(root, 'app/a.log');
    await readUntil(frames, 'three');
    appendFileSync(path, 'four\n');
    expect(await readUntil(frames, 'four')).toEqual(['four']);
    truncateSync(path);
    appendFileSync(path, 'cut\n');
    expect(await readUntil(frames, 'cut')).toEqual(['rotated', 'cut']);
    rmSync(path);
    const next = readUntil(frames, 'back');
    await new Promise((resolve) => setTimeout(resolve, 30));
    writeFileSync(path, 'back\n');
    expect(await next).toEqual(['rotated', 'back']);
    await frames.return(undefined);
  });

  it('does not follow a link that takes the place of the file', async () => {
    const frames = follow(3);
    await readUntil(frames, 'three');
    rmSync(join(root, 'app/a.log'));
    symlinkSync(join(outside, 'secret'), join(root, 'app/a.log'));
    await expect(readUntil(frames, 'secret')).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('ends when the reader goes', async () => {
    const stop = new AbortController();
    const frames = follow(3, stop);
    await readUntil(frames, 'three');
    const end = frames.next();
    stop.abort();
    expect(await end).toEqual({ done: true, value: undefined });
  });

  it('refuses what can not be opened at the start', async () => {
    chmodSync(root, 0o755);
    const frames = followLog({ root, file: '../secret', lines: 1, signal: new AbortController().signal });
    await expect(frames.next()).rejects.toMatchObject({ code: 'forbidden' });
  });
});
