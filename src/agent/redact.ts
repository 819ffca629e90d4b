import { isSecretName, redactTokens } from '../lib/token-shapes.ts';

const redacted = '[redacted]';

/** What is looked at of each text, and what is kept of it. */
const readCharacters = 2_048;
const keptCharacters = 1_024;

/** A credential is no longer than this: the end of a text that was cut may be one that can't be told by its shape any more. */
const secretCharacters = 512;

/** Takes what looks like a credential out of a text that is logged or shown, and cuts a long one. */
export function redactText(text: string): string {
  return cut(text, redactTokens(text.slice(0, readCharacters)));
}

function cut(text: string, clean: string): string {
  const isWhole = text.length <= readCharacters;
  if (isWhole && clean.length <= keptCharacters) return clean;
  const kept = isWhole ? keptCharacters : Math.min(keptCharacters, clean.length - secretCharacters);
  return `${clean.slice(0, Math.max(0, kept))}[cut: ${text.length} characters]`;
}

/** What is looked at of a whole command line: searching takes time, and others choose what there is to search. */
const budgetCharacters = 4_096;

/**
 * Redacts each argument of a command line, and each argument by the one before it (`--password hunter2`,
 * `-u ana:hunter2`). An argument of several words is read as a command line too. It is a net, not a promise: a secret that
 * looks like any other word passes.
 */
export function redactArguments(argv: readonly string[]): string[] {
  let budget = budgetCharacters;
  return argv.map((argument, index) => {
    if (budget <= 0) return '[cut]';
    budget -= Math.min(argument.length, readCharacters);
    // What follows the name of the program is its value no more than the name itself is an option.
    const before = index > 1 ? (argv[index - 1] ?? '') : '';
    const read = argument.slice(0, readCharacters);
    // The whole of an argument belongs to the name before its sign. A shell reads its script word by word instead.
    const clean = scriptOption.test(argv[index - 1] ?? '') ? null : redactWord(read, before);
    return cut(argument, redactTokens(clean ?? redactWords(read)));
  });
}

/** `-c`, `-lc`: a script of a shell follows. */
const scriptOption = /^-[a-z]{0,8}c$/;

/** An option alone, or one with its value behind it: never the value of the option before. */
const option = /^-(?:-?|[A-Za-z]|-[a-z]+(?:-[a-z]+)*(?:=.*)?)$/s;

/** Options that take `name:password`; numbers are ids of a user and a group. */
const loginOption = /^(?:-[uU]|--(?:proxy-)?user)$/;
const login = /^(?!\d+:\d+$)([^:\s"']{0,100}:)(?!\/\/)./s;
const optionWithLogin = /^(-[uU]|--(?:proxy-)?user=)(?!\d+:\d+$)([^:\s"'=-][^:\s"'=]{0,100}:)(?!\/\/)./;

/** Redacts a word of a command line by the one before it, or by its own beginning; null: nothing says that it is secret. */
function redactWord(word: string, before: string): string | null {
  const bare = word.replace(/^["']/, '');
  if (/^--?[\w-]+$/.test(before) && isSecretName(before) && !option.test(bare)) return redacted;
  const name = loginOption.test(before) ? login.exec(bare)?.[1] : undefined;
  if (name !== undefined) return name + redacted;
  const attached = optionWithLogin.exec(word);
  if (attached) return `${attached[1]}${attached[2]}${redacted}`;
  const end = findSecretValue(word);
  return end === null ? null : word.slice(0, end) + redacted;
}

/** Where the value begins in `NAME=value`, `--env=NAME=value` and `Name: value`; null when no name is one of a secret. */
function findSecretValue(word: string): number | null {
  for (const sign of word.slice(0, 400).matchAll(/([\w.-]{1,100})(?:=|:\s*)/gy)) {
    const end = sign.index + sign[0].length;
    if (isSecretName(sign[1] ?? '')) return end < word.length ? end : null;
  }
  return null;
}

/** A word as a shell has it: what is quoted belongs to it; of what is never closed, each character is one. */
const shellWord = /(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\;&|()<>])+|[^\s]/gs;

/** Redacts the words of a script. What stands in quotes may be a command line of its own. */
function redactWords(text: string): string {
  let before = '';
  return text.replace(shellWord, (word) => {
    const clean = redactWord(word, before);
    before = word;
    if (clean !== null) return clean;
    const quote = /^(["']).*\s.*\1$/s.exec(word)?.[1];
    return quote === undefined ? word : quote + redactWords(word.slice(1, -1)) + quote;
  });
}
