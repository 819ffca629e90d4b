import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StringStream } from '../../../test/fakes/cli-run.ts';
import { createProgressView } from './create-progress.ts';
import { LiveProgress } from './progress-live.ts';
import { PlainProgress } from './progress-plain.ts';
import { prefixProgress } from './progress-view.ts';
import { makePaint, type Terminal } from './terminal.ts';
import { widthOf } from './text.ts';

let nowMs = 0;
const now = () => nowMs;
const paint = makePaint(false);

beforeEach(() => {
  nowMs = 0;
});

describe('plain progress', () => {
  it('writes a line for each beginning and end, with the time between', () => {
    const stream = new StringStream(false);
    const progress = new PlainProgress({ stream, paint, verbose: false, now });
    const step = progress.start('address');
    step.update('asking');
    nowMs = 1_250;
    step.done('127.0.0.1');
    nowMs = 75_000;
    progress.start('host key\x1b[2J').fail();
    progress.warn('no passphrase', ['ssh-keygen -p']);
    expect(stream.text).toBe(
      [
        'address ...',
        'address done (1.3s): 127.0.0.1',
        'host key\\x1b[2J ...',
        'host key\\x1b[2J FAILED (0.0s)',
        'warning: no passphrase',
        'hint: ssh-keygen -p',
        '',
      ].join('\n'),
    );
  });

  it('tells details with --verbose only, and names with several instances', () => {
    const stream = new StringStream(false);
    const progress = prefixProgress(new PlainProgress({ stream, paint, verbose: true, now }), 'demo');
    progress.start('boot').update('cloud-init: config');
    progress.note('going on');
    expect(stream.text).toBe('demo: boot ...\ndemo: boot: cloud-init: config\ndemo: going on\n');
  });
});

describe('live progress', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const start = (width = 40) => {
    const stream = new StringStream(true);
    stream.width = width;
    return {
      stream,
      screen: new Screen(stream),
      progress: new LiveProgress({ stream, paint, unicode: false, verbose: false, now }),
    };
  };

  it('redraws running steps in place and leaves finished ones above', () => {
    const { screen, progress } = start();
    const one = progress.start('create');
    const two = progress.start('image');
    nowMs = 2_000;
    vi.advanceTimersByTime(120);
    expect(screen.lines()).toEqual(['/ create 2.0s', '/ image 2.0s']);
    one.done();
    expect(screen.lines()).toEqual(['+ create 2.0s', '/ image 2.0s']);
    two.update('3 of 7');
    expect(screen.lines()).toEqual(['+ create 2.0s', '/ image: 3 of 7 2.0s']);
    two.fail('no space');
    expect(screen.lines()).toEqual(['+ create 2.0s', 'x image: no space 2.0s']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps notes, warnings and other output above what moves', () => {
    const { screen, stream, progress } = start();
    const step = progress.start('boot');
    progress.note('a note');
    progress.warn('careful');
    progress.makeRoom(() => stream.write('demo is ready\n'));
    expect(screen.lines()).toEqual(['  a note', 'warning: careful', 'demo is ready', '| boot 0.0s']);
    step.done();
  });

  it('never writes a line wider than the terminal, and follows its width', () => {
    const { screen, progress } = start(30);
    const step = progress.start('a title that is rather long for this');
    expect(screen.lines()).toEqual(['| a title that is rather 0.0s']);
    screen.resize(20);
    expect(screen.lines()).toEqual(['| a title that 0.0s']);
    step.done();
    expect(screen.lines().join('')).toBe('+ a title that is rather long for this 0.0s');
    screen.resize(8);
    expect(screen.lines().join('')).toBe('+ a title that is rather long for this 0.0s');
  });

  it('counts wide characters twice, and escapes control characters', () => {
    const { screen, progress } = start(20);
    progress.start('日本語日本語日本語');
    expect(screen.lines()).toEqual(['| 日本語日本語 0.0s']);
    progress.stop();
    const other = start(60);
    other.progress.start('a\nb\x1b[1A').update('c\rd');
    expect(other.screen.lines()).toEqual(['| a\\nb\\x1b[1A: c\\rd 0.0s']);
  });

  it('leaves the cursor on a fresh line when it is stopped in the middle', () => {
    const { screen, stream, progress } = start();
    progress.start('boot');
    progress.stop();
    vi.advanceTimersByTime(1_000);
    stream.write('error: stopped\n');
    expect(screen.lines()).toEqual(['| boot 0.0s', 'error: stopped']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('which progress there is', () => {
  const terminal = (isTerminal: boolean, env: Record<string, string> = {}): Terminal => ({
    out: new StringStream(false),
    err: new StringStream(isTerminal),
    inputIsTerminal: false,
    env,
  });
  const flags = { quiet: false, verbose: false, color: true };

  it.each([
    [terminal(true), flags, LiveProgress],
    [terminal(false), flags, PlainProgress],
    [terminal(true, { CI: 'true' }), flags, PlainProgress],
    [terminal(true, { TERM: 'dumb' }), flags, PlainProgress],
    [terminal(true), { ...flags, color: false }, PlainProgress],
  ])('%#', (where, how, kind) => {
    expect(createProgressView(where, how, now)).toBeInstanceOf(kind);
  });

  it('is none with --quiet', () => {
    const where = terminal(true);
    const view = createProgressView(where, { ...flags, quiet: true }, now);
    view.start('x').done();
    view.warn('y');
    view.note('z');
    expect((where.err as StringStream).text).toBe('');
  });
});

/** As much of a terminal as the progress uses: cursor up, clear to the end of the screen, and lines that wrap anew. */
class Screen {
  readonly #stream: StringStream;
  #read = 0;
  #width: number;
  #rows: string[] = [''];
  #row = 0;

  constructor(stream: StringStream) {
    this.#stream = stream;
    this.#width = stream.width;
  }

  resize(width: number): void {
    this.#sync();
    const before = this.#rows.slice(0, this.#row).flatMap((row) => wrap(row, width));
    const after = this.#rows.slice(this.#row).flatMap((row) => wrap(row, width));
    this.#rows = [...before, ...after];
    this.#row = before.length;
    this.#width = width;
    this.#stream.resize(width);
  }

  lines(): string[] {
    this.#sync();
    return this.#rows.filter((line) => line !== '');
  }

  #sync(): void {
    const text = this.#stream.text.slice(this.#read);
    this.#read = this.#stream.text.length;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences of a terminal
    for (const [piece] of text.matchAll(/\x1b\[\d*[A-Z]|[^\x1b]/gu)) this.#take(piece);
  }

  #take(piece: string): void {
    if (piece === '\r') return;
    if (piece === '\x1b[0J') this.#rows.splice(this.#row, Number.POSITIVE_INFINITY, '');
    else if (piece.startsWith('\x1b'))
      this.#row = Math.max(0, this.#row - Number.parseInt(piece.slice(2), 10));
    else if (piece === '\n') this.#newRow();
    else {
      if (widthOf(`${this.#rows[this.#row]}${piece}`) > this.#width) this.#newRow();
      this.#rows[this.#row] += piece;
    }
  }

  #newRow(): void {
    this.#row += 1;
    this.#rows[this.#row] ??= '';
  }
}

function wrap(row: string, width: number): string[] {
  const chunks: string[] = [];
  for (let at = 0; at < row.length; at += width) chunks.push(row.slice(at, at + width));
  return chunks.length > 0 ? chunks : [''];
}

describe.each([
  [
    'plain',
    (stream: StringStream, verbose: boolean) => new PlainProgress({ stream, paint, verbose, now: () => 0 }),
  ],
  [
    'live',
    (stream: StringStream, verbose: boolean) =>
      new LiveProgress({ stream, paint, unicode: false, verbose, now: () => 0 }),
  ],
])('a trace, %s', (_name, make) => {
  it('is shown to who asked for more, safe to print, and to nobody else', () => {
    const [asked, other] = [new StringStream(true), new StringStream(true)];
    make(asked, true).trace('GET /x\u001b[2J: 200');
    make(other, false).trace('GET /x');
    expect(asked.text).toContain('GET /x\\x1b[2J: 200\n');
    expect(other.text).toBe('');
  });
});
