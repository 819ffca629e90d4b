/** Options and arguments as data. What a command says here is what parses, what help and completion show, and its type. */
import { parseDurationMs } from '../domain/duration.ts';
import { SpuffError } from '../domain/errors.ts';
import { type MoneyLimit, parseMoneyLimit } from '../domain/money.ts';

/** Lists of candidates that depend on the user's machine: see `complete-values.ts`. */
export type CompleterName =
  | 'instances'
  | 'config-keys'
  | 'config-values'
  | 'providers'
  | 'sizes'
  | 'regions'
  | 'images'
  | 'snapshots'
  | 'prebuilds'
  | 'rescues'
  | 'copy-paths'
  | 'files';

export type OptionForm = 'flag' | 'negated' | 'value' | 'optional-value';

export interface OptionSpec<T = unknown> {
  readonly form: OptionForm;
  readonly about: string;
  /** One letter. */
  readonly short?: string;
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  readonly complete?: CompleterName;
  /** Turns what was written into what the command gets. @throws SpuffError `usage`, naming `flag` */
  read(raw: string | boolean | undefined, flag: string): T;
}

export interface ArgumentSpec<T = unknown> {
  readonly placeholder: string;
  readonly about: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly choices?: readonly string[];
  readonly complete?: CompleterName;
  read(raw: readonly string[]): T;
}

type Extras = Partial<Pick<OptionSpec, 'short' | 'complete' | 'choices'>>;

/** `--name`: true when given. */
export function flag(about: string, extras: Extras = {}): OptionSpec<boolean> {
  return { form: 'flag', about, ...extras, read: (raw) => raw === true };
}

/** An option `connect` of this form is written `--no-connect`, and true unless written. */
export function negated(about: string): OptionSpec<boolean> {
  return { form: 'negated', about, read: (raw) => raw !== false };
}

export function text(
  placeholder: string,
  about: string,
  extras: Extras = {},
): OptionSpec<string | undefined> {
  return { form: 'value', placeholder, about, ...extras, read: (raw) => asText(raw) };
}

/** `--name` alone gives true, `--name=VALUE` the text. A word after a blank is never its value: it may be an argument. */
export function optionalText(
  placeholder: string,
  about: string,
  extras: Extras = {},
): OptionSpec<string | true | undefined> {
  return {
    form: 'optional-value',
    placeholder,
    about,
    ...extras,
    read: (raw) => (raw === true || raw === '' ? true : asText(raw)),
  };
}

/** A length of time in ms. */
export function duration(about: string): OptionSpec<number | undefined> {
  return {
    form: 'value',
    placeholder: 'DURATION',
    about,
    read: (raw, name) => {
      const written = asText(raw);
      return written === undefined ? undefined : parseDurationMs(written, name);
    },
  };
}

/** A length of time in ms; null for the word `off`. */
export function durationOrOff(about: string): OptionSpec<number | null | undefined> {
  return {
    form: 'value',
    placeholder: 'DURATION',
    about,
    read: (raw, name) => {
      const written = asText(raw);
      if (written === undefined) return undefined;
      return written === 'off' ? null : parseDurationMs(written, name);
    },
  };
}

/** An amount of money with its currency. */
export function moneyLimit(about: string): OptionSpec<MoneyLimit | undefined> {
  return {
    form: 'value',
    placeholder: 'AMOUNT',
    about,
    read: (raw, name) => {
      const written = asText(raw);
      if (written === undefined) return undefined;
      const limit = parseMoneyLimit(written);
      if (limit !== null) return limit;
      throw new SpuffError('usage', `${JSON.stringify(written)} is not an amount for ${name}`, {
        hints: ['write a number and a currency: 5EUR, 5.50USD'],
      });
    },
  };
}

/** A number of bytes; `k`, `M` and `G` are thousands of each other. */
export function byteCount(about: string): OptionSpec<number | undefined> {
  return {
    form: 'value',
    placeholder: 'SIZE',
    about,
    read: (raw, name) => {
      const written = asText(raw);
      if (written === undefined) return undefined;
      const [, digits, unit = ''] = /^(\d{1,9})([kMG]?)$/.exec(written) ?? [];
      const value = Number(digits) * ({ k: 1e3, M: 1e6, G: 1e9 }[unit] ?? 1);
      if (value <= 1e12) return value;
      throw new SpuffError('usage', `${JSON.stringify(written)} is not a size for ${name}`, {
        hints: ['give a number of bytes up to 1000G, such as 500k, 10M or 1G'],
      });
    },
  };
}

export function wholeNumber(
  about: string,
  range: { minimum: number; maximum: number },
  extras: Extras = {},
): OptionSpec<number | undefined> {
  return {
    form: 'value',
    placeholder: 'N',
    about,
    ...extras,
    read: (raw, name) => {
      const written = asText(raw);
      if (written === undefined) return undefined;
      const value = /^\d{1,9}$/.test(written) ? Number(written) : Number.NaN;
      if (value >= range.minimum && value <= range.maximum) return value;
      throw new SpuffError('usage', `${JSON.stringify(written)} is not a number for ${name}`, {
        hints: [`give a whole number from ${range.minimum} to ${range.maximum}`],
      });
    },
  };
}

type ArgumentExtras = Partial<Pick<ArgumentSpec, 'complete' | 'choices'>>;

export function argument(
  placeholder: string,
  about: string,
  extras: ArgumentExtras = {},
): ArgumentSpec<string> {
  return { placeholder, about, required: true, variadic: false, ...extras, read: (raw) => raw[0] ?? '' };
}

export function optionalArgument(
  placeholder: string,
  about: string,
  extras: ArgumentExtras = {},
): ArgumentSpec<string | undefined> {
  return { placeholder, about, required: false, variadic: false, ...extras, read: (raw) => raw[0] };
}

/** Any number of them; at least one when `required`. */
export function manyArguments(
  placeholder: string,
  about: string,
  extras: ArgumentExtras & { required?: boolean } = {},
): ArgumentSpec<readonly string[]> {
  return { placeholder, about, required: false, variadic: true, ...extras, read: (raw) => raw };
}

/** The argument that most commands begin with. */
export const instanceArgument = optionalArgument(
  'NAME',
  'the instance; without it the one of this directory, or the only one',
  { complete: 'instances' },
);

function asText(raw: string | boolean | undefined): string | undefined {
  return typeof raw === 'string' ? raw : undefined;
}

/** `idleTimeout` is written `--idle-timeout`. */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
