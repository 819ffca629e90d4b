import { escapeText } from './escape.ts';

/** What a part of a setup is called, for people; the machine and the CLI say the same. */
export function titleOf({ kind, name }: { kind: string; name: string }): string {
  const shown = escapeText(name, { singleLine: true });
  const number = String(Number(name));
  if (kind === 'script') return `setup command ${number}`;
  if (kind === 'hook') return name === 'pre_down' ? 'pre_down hook' : `post_up command ${number}`;
  if (kind === 'bundle') return `bundle ${shown}`;
  return kind === 'ai' ? `AI tool ${shown}` : escapeText(kind, { singleLine: true });
}
