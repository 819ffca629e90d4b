/** The forms in which a secret may have been written down, and what finds each of them in bytes. */

/** Secrets by their name; each has one text, or several parts of which none may be anywhere (the lines of a key). */
export type Canaries = ReadonlyMap<string, readonly string[]>;

/** How somebody may have written a text down; by a name, so that a test can plant each. */
export const writings: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  reversed,
  hex: (text) => Buffer.from(text).toString('hex'),
  'hex in capitals': (text) => Buffer.from(text).toString('hex').toUpperCase(),
  base64: (text) => Buffer.from(text).toString('base64'),
  'base64 of more, in URLs': (text) => Buffer.from(`it=${text};`).toString('base64url'),
  'in a URL': encodeURIComponent,
  'in JSON': JSON.stringify,
  'over a line break': (text) => `${text.slice(0, text.length / 2)}\n${text.slice(text.length / 2)}`,
  'reversed, over a line break': (text) => breakLine(reversed(text), 0.4),
  'base64 in short lines': (text) => breakLine(Buffer.from(`of ${text}`).toString('base64'), 0.6),
};

function reversed(text: string): string {
  return [...text].reverse().join('');
}

function breakLine(text: string, at: number): string {
  const place = Math.floor(text.length * at);
  return `${text.slice(0, place)}\r\n  ${text.slice(place)}`;
}

/**
 * What finds a text in all those forms: of each the two halves, so that what is broken once, anywhere, is found by the one
 * that is whole.
 */
export function needlesOf(text: string): string[] {
  const bytes = Buffer.from(text);
  // At each of three offsets base64 is another one; its last characters depend on what follows.
  const base64 = [0, 1, 2].map((skip) => bytes.subarray(skip).toString('base64').slice(0, -4));
  const hex = bytes.toString('hex');
  const forms = [
    ...[text, hex, hex.toUpperCase(), encodeURIComponent(text), JSON.stringify(text).slice(1, -1)],
    ...base64.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]),
  ];
  const halves = [...forms, ...forms.map(reversed)].flatMap((form) => {
    const middle = Math.floor(form.length / 2);
    return [form.slice(0, middle), form.slice(middle)];
  });
  return [...new Set(halves)];
}

/** Names by the needles that give them away. */
export function namesByNeedle(canaries: Canaries): Map<string, string> {
  const entries = [...canaries].flatMap(([name, parts]) =>
    parts.flatMap((part) => needlesOf(part).map((needle) => [needle, name] as const)),
  );
  const names = new Map(entries);
  const short = [...names.keys()].filter((needle) => needle.length < 14);
  if (short.length > 0) throw new Error(`${short.join(', ')} would be found by chance`);
  return names;
}

/** The names of what a text holds, also inside base64 in it. */
export function namesIn(text: string, names: ReadonlyMap<string, string>): string[] {
  const inside = [...text.matchAll(/[A-Za-z0-9+/]{200,}={0,2}/g)].map(([run]) =>
    Buffer.from(run, 'base64').toString('latin1'),
  );
  const all = [text, ...inside].join('\n');
  return [...new Set([...names].flatMap(([needle, name]) => (all.includes(needle) ? [name] : [])))];
}
