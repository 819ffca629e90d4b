import { describe, expect, it } from 'vitest';
import { SpuffError } from './errors.ts';
import { folderOfGitUrl, toGitUrl } from './git-url.ts';

describe('toGitUrl', () => {
  it.each([
    ['owner/repo', 'git@github.com:owner/repo.git', 'repo'],
    ['owner/repo.git', 'git@github.com:owner/repo.git', 'repo'],
    ['git@git.example.com:a/b.git', 'git@git.example.com:a/b.git', 'b'],
    ['git.example.com:b', 'git.example.com:b', 'b'],
    ['ssh://git@git.example.com:2222/a/b', 'ssh://git@git.example.com:2222/a/b', 'b'],
    ['https://git.example.com/a/b.git/', 'https://git.example.com/a/b.git/', 'b'],
  ])('takes %s', (text, url, folder) => {
    expect(toGitUrl(text)).toBe(url);
    expect(folderOfGitUrl(url)).toBe(folder);
  });

  it.each([
    '',
    'repo',
    '-uexploit:x',
    '--upload-pack=x',
    'ext::sh -c id',
    'ext::id',
    'host::x',
    'file:///etc',
    'http://git.example.com/a',
    'git@host:a b',
    'git@host:a\nb',
    'a/b/c',
    '../b',
    'git@-host:x',
  ])('refuses %j', (text) => {
    expect(() => toGitUrl(text)).toThrow(SpuffError);
  });
});
