/** Where output goes, and what that place can show. Main makes the real one; tests make one of strings. */
import { styleText } from 'node:util';

export interface OutputStream {
  write(text: string): void;
  /** Whether whoever read it has gone: then writing has no effect, and what goes on for ever should end. */
  isClosed(): boolean;
  readonly isTerminal: boolean;
  /** Width in characters; 80 where nobody knows. */
  columns(): number;
  /** Calls back when the width changes. Gives a function that ends that. */
  onResize(listener: () => void): () => void;
}

export interface Terminal {
  /** Results, and nothing else. */
  readonly out: OutputStream;
  /** Progress, remarks and errors. */
  readonly err: OutputStream;
  readonly inputIsTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Whether `stream` gets colours. @see https://no-color.org, https://force-color.org */
export function wantsColor(terminal: Terminal, stream: OutputStream, allowed: boolean): boolean {
  const { env } = terminal;
  if (!allowed || (env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0';
  return stream.isTerminal && env['TERM'] !== 'dumb';
}

export function makePaint(enabled: boolean): Paint {
  return enabled
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_style, text) => text;
}

/** Whether a question makes sense: someone is there to read and answer it. */
export function canAsk(terminal: Terminal, inputFlag: boolean): boolean {
  return inputFlag && terminal.inputIsTerminal && terminal.err.isTerminal && !isAutomated(terminal);
}

/** Whether lines that move are welcome. */
export function isLive(terminal: Terminal): boolean {
  return terminal.err.isTerminal && terminal.env['TERM'] !== 'dumb' && !isAutomated(terminal);
}

function isAutomated(terminal: Terminal): boolean {
  const ci = terminal.env['CI'] ?? '';
  return ci !== '' && ci !== 'false' && ci !== '0';
}

/** Whether the locale can show more than ASCII. */
export function showsUnicode(terminal: Terminal): boolean {
  const locale = terminal.env['LC_ALL'] || terminal.env['LC_CTYPE'] || terminal.env['LANG'] || '';
  return /utf-?8/i.test(locale);
}
