import { SpuffError } from '../domain/errors.ts';

/**
 * Splits a command line that a setting holds into its words, as a POSIX shell splits them (XCU 2.2): blanks between words,
 * single and double quotes, backslash. Nothing is expanded and no shell runs, so `$`, `*`, `;` and `|` are plain characters.
 * @throws SpuffError `config` for a quote that does not end, or when there is no word
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let rest = line.trimStart();
  while (rest !== '') {
    const word = /^(?:[^\s'"\\]|\\[^\n]|'[^']*'|"(?:[^"\\]|\\[^\n])*")+(?=\s|$)/.exec(rest)?.[0];
    if (word === undefined) {
      throw new SpuffError('config', `${JSON.stringify(line)} can't be split into words`, {
        hints: ['close each quote with one of its kind'],
      });
    }
    words.push(unquote(word));
    rest = rest.slice(word.length).trimStart();
  }
  if (words.length > 0) return words;
  throw new SpuffError('config', 'a command needs at least one word');
}

function unquote(word: string): string {
  return word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (_all, single, double, escaped) => {
    if (single !== undefined) return single;
    // Between double quotes a backslash is one, but before these.
    return double === undefined ? escaped : double.replace(/\\(["\\$`])/g, '$1');
  });
}
