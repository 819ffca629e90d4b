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

/** How a value may stand in text. Made once: there may be thousands of secrets, and each line of a log is searched for all. */
const formsOf = new WeakMap<Secret, readonly string[]>();

/**
 * Replaces in `text` the value of every Secret that is in use, as it is, as JSON writes it, as a URL writes it, and
 * each line of one of several lines. A net for text that was made of a revealed secret by mistake.
 */
export function redactSecretValues(text: string): string {
  const found = new Set<string>();
  for (const reference of live) {
    const secret = reference.deref();
    if (secret) for (const form of findForms(secret)) if (text.includes(form)) found.add(form);
  }
  let clean = text;
  // The longest first: a form may be a part of another.
  for (const form of [...found].sort((a, b) => b.length - a.length)) clean = clean.replaceAll(form, redacted);
  return clean;
}

function findForms(secret: Secret): readonly string[] {
  const known = formsOf.get(secret);
  if (known) return known;
  const forms = makeForms(secret.reveal());
  formsOf.set(secret, forms);
  return forms;
}

function makeForms(value: string): readonly string[] {
  if (value.length < shortestCharacters) return [];
  const lines = value.includes('\n') ? value.split('\n').filter((line) => line.length >= 20) : [];
  const written = [JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())];
  return [...new Set([value, ...written, ...lines])];
}
