/**
 * Makes text of a remote safe to print: control characters, escape sequences and the Unicode characters that reorder or
 * hide text are shown as `\x1b`, `\u202e`, and so on. Newlines and tabs are kept unless `singleLine`.
 * @see https://trojansource.codes (bidirectional overrides), ECMA-48 (control sequences)
 */
export function escapeText(text: string, options: { singleLine?: boolean } = {}): string {
  return text.replace(unsafe, (char) => {
    if (!options.singleLine && (char === '\n' || char === '\t')) return char;
    const code = char.charCodeAt(0);
    if (char === '\n') return '\\n';
    if (char === '\r') return '\\r';
    if (char === '\t') return '\\t';
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

// C0, DEL, C1; soft hyphen, zero-width and bidi controls, line and paragraph separators, BOM, lone surrogates.
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
