/**
 * What a user may add to the ssh command line. Everything that decides which machine is talked to, how it proves itself
 * or what it is lent is spuff's; so the list says what is allowed, and the rest is refused.
 * @see ssh(1), ssh_config(5)
 */
import { SpuffError } from '../domain/errors.ts';

/** Options of one letter without a value: they may stand together, as in `-NT`. */
const switches = new Set('46CNTntv');
/** Options of one letter with a value. */
const withValue = new Set('LDe');

/** Of the keywords for -o those that spuff does not set itself: what it sets comes first on the line, and wins. */
const keywords = new Set(
  [
    'Compression',
    'DynamicForward',
    'EscapeChar',
    'ExitOnForwardFailure',
    'IPQoS',
    'LocalForward',
    'SetEnv',
  ].map((keyword) => keyword.toLowerCase()),
);

const refusals: Readonly<Record<string, string>> = {
  A: 'what is lent to a machine is a setting: spuff config set forward_agent guard',
  F: 'spuff decides which configuration counts',
  J: 'put ProxyJump into your ~/.ssh/config',
  R: "the machine's sshd does not forward ports back to you",
  i: 'choose the key with: spuff config set ssh_key PATH',
  l: 'choose the login user with: spuff config set user NAME',
  o: 'of -o only what cannot weaken the connection is allowed',
  p: 'spuff knows the port',
};

/**
 * Splits what stands after `spuff ssh NAME --` into options of ssh and a command.
 * @throws SpuffError `usage` naming the option that is refused, and why
 */
export function checkSshArguments(words: readonly string[]): { options: string[]; command: string[] } {
  const options: string[] = [];
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '--') return { options, command: words.slice(at + 1) };
    if (!word.startsWith('-') || word === '-') break;
    const { letter, value } = readOption(word);
    options.push(word);
    if (letter === null || value !== null) {
      if (letter === 'o') checkKeyword(value ?? '');
      continue;
    }
    const next = words[++at];
    if (next === undefined) throw new SpuffError('usage', `-${letter} takes a value`);
    if (letter === 'o') checkKeyword(next);
    options.push(next);
  }
  return { options, command: words.slice(at) };
}

/** `letter` is the option that takes a value, or null; `value` is what is written right behind it, or null. */
function readOption(word: string): { letter: string | null; value: string | null } {
  for (const [at, letter] of [...word.slice(1)].entries()) {
    if (switches.has(letter)) continue;
    if (letter === 'o' || withValue.has(letter)) return { letter, value: word.slice(at + 2) || null };
    throw refuse(`-${letter}`, refusals[letter] ?? 'it is none of the options that spuff passes on');
  }
  return { letter: null, value: null };
}

function checkKeyword(setting: string): void {
  const keyword = /^\s*([A-Za-z0-9]+)(?:\s*=|\s)/.exec(setting)?.[1] ?? setting;
  if (!keywords.has(keyword.toLowerCase())) throw refuse(`-o ${keyword}`, refusals['o'] ?? '');
  if (/[\n\r\0]/.test(setting)) throw refuse(`-o ${keyword}`, 'its value runs over a line');
}

function refuse(option: string, why: string): SpuffError {
  return new SpuffError('usage', `spuff ssh does not pass ${option} on: ${why}`, {
    hints: [
      'allowed are -L, -D, -N, -T, -t, -n, -C, -v, -4, -6, -e and -o with a harmless keyword: spuff ssh --help',
    ],
  });
}
