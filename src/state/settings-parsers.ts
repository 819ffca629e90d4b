/** How the text of a setting is read, and what it takes, in a few words. Each throws SpuffError `config` saying what was expected. */

import { homedir } from 'node:os';
import { parseDurationMs } from '../domain/duration.ts';
import { SpuffError } from '../domain/errors.ts';
import { type MoneyLimit, parseMoneyLimit } from '../domain/money.ts';
import type { Settings } from '../domain/settings.ts';
import { isLoopbackHost } from '../lib/loopback-host.ts';
import { parseNetwork } from '../lib/network-address.ts';
import { splitWords } from '../lib/split-words.ts';

/** Lengths of time that must not run out: written by name, because 0 could mean both never and at once. */
export const off = 'off';
export const takes = {
  duration: `a length of time such as 30m, 2h or 1d, or ${off}`,
  shortDuration: 'a length of time such as 30s or 5m, at most 10m',
  cores: 'a number of cores, such as 0.5',
  word: 'a name',
  list: 'names, separated by commas',
} as const;
export const wordPattern = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$/;

export function parseWords(text: string, expected: string): readonly string[] {
  const words = text.split(',').map((part) => part.trim());
  return words.map((one) => matching(one, wordPattern, expected));
}

/** A command that is run without a shell. */
export function parseCommandLine(text: string): string {
  splitWords(text);
  return matching(text, /^.{1,1000}$/u, 'a command line');
}

/** The pattern of tags in a tailnet policy. @see https://tailscale.com/kb/1068/tags */
export const tagPattern = /^tag:[A-Za-z][A-Za-z0-9-]{0,62}$/;

export function parseTags(text: string): readonly string[] {
  return text.split(',').map((part) => matching(part.trim(), tagPattern, 'a tag, such as tag:dev'));
}

export function parseBudgets(text: string): readonly MoneyLimit[] {
  const limits = text.split(',').map((part) => {
    const limit = parseMoneyLimit(part);
    if (limit !== null) return limit;
    throw wrong(part.trim(), 'an amount with its currency, such as 50EUR');
  });
  const twice = limits.find(({ currency }, at) => limits.findIndex((one) => one.currency === currency) < at);
  if (twice === undefined) return limits;
  throw wrong(text, `one amount for each currency: ${twice.currency} stands twice`);
}

export function parseFirewall(text: string): Settings['firewall'] {
  if (text === 'my-ip' || text === 'open') return text;
  return text.split(',').map((part) => {
    const network = parseNetwork(part.trim());
    if (network !== null) return network;
    throw wrong(part.trim(), 'my-ip, open, or a network such as 198.51.100.0/24 or 2001:db8::/32');
  });
}

const longestPreDownMs = 10 * 60_000;

export function parseShortDuration(text: string): number {
  const ms = text === off ? null : parseDuration(text, 'pre_down_timeout');
  if (ms !== null && ms <= longestPreDownMs) return ms;
  throw wrong(text, takes.shortDuration);
}

export function parseCores(text: string): number {
  const value = /^\d{1,4}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw wrong(text, takes.cores);
}

export function parseBytesPerSecond(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,9})([kM]?)$/.exec(text) ?? [];
  const value = Number(digits ?? 0) * (unit === 'M' ? 1e6 : unit === 'k' ? 1e3 : 1);
  if (value > 0) return value;
  throw wrong(text, 'bytes a second, such as 50k or 1M');
}

export function parseDuration(text: string, key: string): number | null {
  if (text === off) return null;
  try {
    return parseDurationMs(text, key);
  } catch (error) {
    throw wrong(text, takes.duration, error);
  }
}

/** `~` is the home directory, as in a shell; other relative paths would mean another file in each directory. */
export function parsePath(text: string): string {
  const path = text === '~' || text.startsWith('~/') ? homedir() + text.slice(1) : text;
  if (path.startsWith('/') && path.length <= 4_096 && !hasControls(path)) return path;
  throw wrong(text, 'a path that begins with / or ~/');
}

/** Whether a file is a key that can be encrypted to is only seen when it is used. */
export function parseRecipients(text: string): readonly string[] {
  return text.split(',').map((part) => {
    const one = part.trim();
    if (/^age1[0-9a-z]{20,4000}$/.test(one)) return one;
    if (/^(?:~?\/).{1,4000}[.]pub$/u.test(one)) return parsePath(one);
    throw wrong(one, 'a public SSH key such as ~/.ssh/id_ed25519.pub, or a recipient of age (age1…)');
  });
}

/** The ports of a machine are published on loopback where the engine runs, so an engine elsewhere would be of no use. */
export function parseEngineAddress(text: string): string {
  const socket = /^(?:unix:\/\/)?\/.{1,400}$/u;
  const expected = 'a socket on this computer, such as unix:///var/run/docker.sock';
  if (!/^(?:tcp|http):/.test(text)) return matching(text, socket, expected);
  const host = URL.canParse(text) ? new URL(text).hostname : '';
  return isLoopbackHost(host) ? text : matching(text, socket, expected);
}

export function chosen<Choice extends string>(text: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  throw wrong(text, choices.join(', ').replace(/, (?=[^,]*$)/, ' or '));
}

export function matching(text: string, pattern: RegExp, expected: string): string {
  if (pattern.test(text) && !hasControls(text)) return text;
  throw wrong(text, expected);
}

function hasControls(text: string): boolean {
  return /\p{Cc}|\p{Cs}|\p{Zl}|\p{Zp}/u.test(text);
}

function wrong(text: string, expected: string, cause?: unknown): SpuffError {
  // JSON quotes what would be invisible or would end the line.
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return new SpuffError('config', `${shown} is not ${expected}`, { cause });
}
