import { SpuffError } from './errors.ts';

/**
 * The address of a git repository, for `git clone` on a machine. `owner/repo` is one on GitHub, over SSH.
 * @throws SpuffError `usage` for what is none, for a name that git would take for an option, and for transports that run a
 * command of the address's choosing (gitremote-helpers(7), `ext::`)
 */
export function toGitUrl(text: string): string {
  if (/^[\w-]+\/[\w.-]+$/.test(text)) return `git@github.com:${text.replace(/\.git$/, '')}.git`;
  const isUrl = /^(?:ssh|https):\/\/[^\s\p{Cc}]+$/u.test(text);
  const isScp = /^(?:[\w.-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!:)[^\s\p{Cc}]+$/u.test(text);
  if ((isUrl || (isScp && !text.includes('://'))) && !text.includes('::')) return text;
  throw new SpuffError('usage', `${JSON.stringify(text)} is not the address of a git repository`, {
    hints: ['write it so: owner/repo, git@host:path or https://host/path'],
  });
}

/** The folder that git makes of it. */
export function folderOfGitUrl(url: string): string {
  const last = url.replace(/\/+$/, '').split(/[/:]/).at(-1);
  return (last ?? '').replace(/\.git$/, '');
}
