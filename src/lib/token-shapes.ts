/**
 * What a credential looks like: the published prefixes of those who issue them, names that announce one, and chance that
 * only a generator makes. It is a net under the rule that a Secret is never printed, not a replacement of it.
 */
const redacted = '[redacted]';

/** `kind` is for messages. No pattern matches a quote, so that a redacted line of JSON is still a line of JSON. */
const tokenShapes: ReadonlyArray<{ readonly kind: string; readonly pattern: RegExp }> = [
  { kind: 'a private key', pattern: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/g },
  { kind: 'a DigitalOcean token', pattern: /do[opr]_v1_[a-f0-9]{20,}/g },
  { kind: 'a GitHub token', pattern: /gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}/g },
  { kind: 'a GitLab token', pattern: /gl(?:pat|dt|rt|ft|soat|cbt|ptt)-[\w-]{16,}/g },
  { kind: 'an AWS access key', pattern: /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}/g },
  { kind: 'a Tailscale key', pattern: /tskey-[\w-]{10,}/g },
  { kind: 'a Slack token', pattern: /xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}/g },
  { kind: 'a Google credential', pattern: /AIza[\w-]{30,}|ya29\.[\w-]{16,}/g },
  { kind: 'an npm token', pattern: /npm_[A-Za-z0-9]{30,}/g },
  { kind: 'a Vault token', pattern: /\bhv[sb]\.[\w-]{20,}/g },
  { kind: 'a 1Password token', pattern: /\bops_eyJ[\w-]{20,}/g },
  { kind: 'an age key', pattern: /AGE-SECRET-KEY-1[A-Z0-9]{20,}/g },
  { kind: 'an API key', pattern: /\bsk-[\w-]{16,}|\b[srp]k_(?:live|test)_\w{10,}|\bdckr_pat_[\w-]{16,}/g },
  { kind: 'a JSON Web Token', pattern: /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g },
  {
    kind: 'a URL with a password',
    pattern: /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"']{0,100}:[^\s/@"']{1,300}@/gi,
  },
];

/** A PEM or OpenSSH private key, whole or cut off. */
const privateKeyBlock =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|[\s\S]*)/g;

/** A Hetzner Cloud token has no prefix: 64 letters and digits, where a SHA-256 in hex has letters of one case. */
const run64 = /(?<![A-Za-z0-9])[A-Za-z0-9]{64}(?![A-Za-z0-9])/g;

/** Long runs of base64url; public keys and fingerprints come first, to be left as they are. */
const longRun =
  /\b(?:ssh|ecdsa|sk)-[\w@.-]{1,60} AAAA[\w+/=]+|SHA256:[\w+/=]+|(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{40,}/g;

const secretWord =
  'pass(?:word|wd|phrase|code)|secret|token|credential|authorization|api[-_]?key|access[-_]?key|auth[-_]?key|private[-_]?key|cookie';
const secretName = new RegExp(secretWord, 'i');

/**
 * The sign of `NAME=value`, `name: value` and `"name":"value"`, also inside JSON inside a string; the name is looked up
 * backwards from it. The sign comes first, so that a text without one costs nothing however much it looks like a name.
 */
const nameAndSign = /[=:](?<=([\w.-]{1,100})\\{0,8}["']?\s{0,4}[=:])\s{0,4}/g;
/** A quote that is never closed is that of a text which was cut. */
const plainValue =
  /"(?:[^"\\]|\\.){0,4000}"|(?:\\{1,8}"|').{0,4000}?(?:\\{1,8}"|')|[^\s&,;"'}\]\\]+|["'][\s\S]+/y;
/** Headers whose value is several words: to the end of the line, or of the string that the header stands in. */
const headerName = /(?:authorization|cookie)$/i;
const headerValue = /(?:\\{0,8}["'])?[^"'\r\n\\]+/y;
/** The header `Authorization: Bearer …`; what holds lower-case letters only is a word. */
const scheme =
  /\b([Bb]earer|[Bb]asic|BEARER|BASIC)(\s+)(?!\[)(?=["']?[\w.~+/=:-]*[A-Z\d=_])["']?[\w.~+/=:-]{6,}["']?/g;

/** Whether a setting, variable or field of this name holds a credential: `apiToken`, `DB_PASSWORD`. */
export function isSecretName(name: string): boolean {
  return secretName.test(name) && !/(?:command|sha256|path)$/i.test(name);
}

/** The first credential in `text` that can be told by its shape alone, with its offset; null when there is none. */
export function findToken(text: string): { kind: string; index: number } | null {
  const found = tokenShapes.map(({ kind, pattern }) => ({ kind, index: text.search(pattern) }));
  const mixed = [...text.matchAll(run64)].find(([run]) => isMixed(run));
  found.push({ kind: 'a Hetzner Cloud token', index: mixed?.index ?? -1 });
  const hits = found.filter(({ index }) => index >= 0).sort((a, b) => a.index - b.index);
  return hits[0] ?? null;
}

/** Whether a word is as even as only a generator makes it: at least 20 characters and 3.5 bits in each. */
export function looksRandom(word: string): boolean {
  return word.length >= 20 && entropyBits(word) >= 3.5;
}

/** Replaces by `[redacted]` what looks like a credential, by its shape or by the name before it. It errs towards too much. */
export function redactTokens(text: string): string {
  const clean = text.replace(privateKeyBlock, redacted).replace(scheme, `$1$2${redacted}`);
  return redactShapes(redactNamed(clean));
}

/** Takes out what stands behind a name that announces a secret. */
function redactNamed(text: string): string {
  let clean = '';
  let kept = 0;
  nameAndSign.lastIndex = 0;
  for (let sign = nameAndSign.exec(text); sign; sign = nameAndSign.exec(text)) {
    const [found, name = ''] = sign;
    const from = sign.index + found.length;
    if (!isSecretName(name)) continue;
    const pattern = headerName.test(name) ? headerValue : plainValue;
    pattern.lastIndex = from;
    const value = pattern.exec(text)?.[0];
    if (value === undefined || value === redacted) continue;
    // Only what is behind a value can name another one.
    nameAndSign.lastIndex = from + value.length;
    if (pattern === plainValue && value.startsWith('[redacted')) continue;
    clean += text.slice(kept, from) + redacted;
    kept = from + value.length;
  }
  return clean + text.slice(kept);
}

/** As `redactTokens`, but only by shape; what it changes in a line of JSON stays inside the strings of that line. */
export function redactShapes(text: string): string {
  let clean = text;
  // Taking one token out may lay the beginning of the next one bare: once more until nothing changes.
  for (let before = ''; before !== clean; ) {
    before = clean;
    for (const { pattern } of tokenShapes) clean = clean.replace(pattern, redacted);
  }
  return clean
    .replace(run64, (run) => (isMixed(run) ? redacted : run))
    .replace(longRun, (run) =>
      !run.includes(' ') && !run.includes(':') && isMixed(run) && entropyBits(run) >= 4 ? redacted : run,
    );
}

function isMixed(run: string): boolean {
  return /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run);
}

function entropyBits(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
