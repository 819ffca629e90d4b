const redacted = '[redacted]';

/** The secrets that are in use, so that text can be searched for them. Weak: a daemon forgets them as they are dropped. */
const live = new Set<WeakRef<Secret>>();
const dropped = new FinalizationRegistry<WeakRef<Secret>>((reference) => live.delete(reference));

/**
 * A value that cannot be printed by accident: `String()`, template strings, JSON, `console.log` and spread all show
 * `[redacted]`. Only `reveal()` gives it back, so a search for `reveal(` lists every place a secret leaves by.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    const reference = new WeakRef(this);
    live.add(reference);
    dropped.register(this, reference);
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  /** What `util.inspect` prints; the symbol is registered so that this file needs no import. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted;
  }
}

/** Shorter values are words that stand in any text, and would shred it. */
const shortestCharacters = 6;

/**
 * Replaces in `text` the value of every Secret that is in use, as it is, as JSON writes it, as a URL writes it, and
 * each line of one of several lines. A net for text that was made of a revealed secret by mistake.
 */
export function redactSecretValues(text: string): string {
  const forms = new Set<string>();
  for (const reference of live) {
    const value = reference.deref()?.reveal() ?? '';
    if (value.length < shortestCharacters) continue;
    forms.add(value).add(JSON.stringify(value).slice(1, -1)).add(encodeURIComponent(value.toWellFormed()));
    if (value.includes('\n')) for (const line of value.split('\n')) if (line.length >= 20) forms.add(line);
  }
  let clean = text;
  // The longest first: a form may be a part of another.
  for (const form of [...forms].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(form, redacted);
  return clean;
}
