/** A link in the documentation leads to a file that is there, and its fragment to a heading of that file. */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const project = join(import.meta.dirname, '..', '..');

/** Without code, which may hold what only looks like a link or a heading. */
function withoutBlocks(page: string): string {
  return page.replace(/^ {0,3}(`{3,}|~{3,})[^\n]*\n(?:[\s\S]*?\n)?? {0,3}\1[^\n]*$/gm, '');
}

/** The targets of inline links and images, and of `[name]: target`; the title behind a target is left out. */
function linksIn(page: string): string[] {
  const text = withoutBlocks(page).replace(/(`+)(?:[^`\n]|\n(?!\s*\n)|(?!\1)`)*?\1/g, '');
  const inline = text.matchAll(/\]\(\s*<?([^\s<>)]+)>?(?:\s+"[^"]*")?\s*\)/g);
  const named = text.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?([^\s<>]+)>?/gm);
  return [...inline, ...named].map(([, target = '']) => target);
}

/** The fragments of a page as GitHub makes them: letters, digits, `-` and `_` of the heading, and a number for the second. */
function fragmentsIn(page: string): string[] {
  const seen = new Map<string, number>();
  return [...withoutBlocks(page).matchAll(/^ {0,3}#{1,6} +(.+?)(?: +#+)? *$/gm)].map(([, heading = '']) => {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const fragment = words.replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '').replaceAll(' ', '-');
    const count = seen.get(fragment) ?? 0;
    seen.set(fragment, count + 1);
    return count === 0 ? fragment : `${fragment}-${count}`;
  });
}

type Pages = ReadonlyMap<string, string>;

/** What is wrong with the links of all pages, one line each. Links with a scheme (`https:`, `mailto:`) lead elsewhere. */
function findProblems(pages: Pages, isThere = (path: string) => existsSync(join(project, path))): string[] {
  return [...pages].flatMap(([name, page]) =>
    linksIn(page)
      .filter((link) => !/^[a-z][a-z0-9+.-]*:/i.test(link))
      .flatMap((link) => {
        const [, file = '', fragment] = /^([^#?]*)(?:\?[^#]*)?(?:#(.*))?$/.exec(link) ?? [];
        const path = file === '' ? name : normalize(join(dirname(name), decodeURIComponent(file)));
        if (file.startsWith('/') || path.startsWith('..'))
          return [`${name}: ${link} leads out of the project`];
        if (!pages.has(path) && !isThere(path)) return [`${name}: ${link} leads nowhere`];
        if (fragment === undefined) return [];
        const target = pages.get(path);
        return target !== undefined && fragmentsIn(target).includes(fragment)
          ? []
          : [`${name}: ${link} names no heading`];
      }),
  );
}

const names = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: project })];
const pages: Pages = new Map(names.map((name) => [name, readFileSync(join(project, name), 'utf8')]));

describe('the documentation', () => {
  it('has no link that leads nowhere', () => {
    expect(findProblems(pages)).toEqual([]);
  });

  it('is read as a whole', () => {
    const links = [...pages.values()].flatMap(linksIn);
    expect(links.length).toBeGreaterThan(80);
    expect(links.filter((link) => link.includes('#')).length).toBeGreaterThan(10);
    expect(names.filter((name) => !statSync(join(project, name)).isFile())).toEqual([]);
  });
});

describe('a link', () => {
  const judge = (text: string) =>
    findProblems(new Map([...pages, ['docs/planted.md', text]])).filter((one) =>
      one.startsWith('docs/planted'),
    );

  it.each([
    '[a](security.md)',
    '[a](../README.md "the title")',
    '[a](adr)',
    '[a](../src/main/compose.ts)',
    '[a](first-boot.md#secrets)',
    '[a](agent.md#get-health)',
    '# One & two\n\n[a](#one--two)',
    '# Twice\n\n# Twice\n\n[a](#twice-1)',
    '[a]: security.md',
    '[a](https://example.org/nothing#here) [b](mailto:a@example.org)',
    '`[a](no-such-page.md)`',
    '```\n[a](no-such-page.md)\n```',
    '````md\n```\n[a](no-such-page.md)\n```\n````',
  ])('is in order: %j', (text) => {
    expect(judge(text)).toEqual([]);
  });

  it.each([
    ['[a](no-such-page.md)', 'no-such-page.md leads nowhere'],
    ['[a `b`](no-such-page.md)', 'no-such-page.md leads nowhere'],
    ['a ` b\n\n[a](no-such-page.md) `', 'no-such-page.md leads nowhere'],
    ['![a](picture.png)', 'picture.png leads nowhere'],
    ['[a]: no-such-page.md', 'no-such-page.md leads nowhere'],
    ['```\ncode\n```\n[a](no-such-page.md)', 'no-such-page.md leads nowhere'],
    ['[a](first-boot.md#secret)', 'first-boot.md#secret names no heading'],
    ['[a](#nothing)', '#nothing names no heading'],
    ['```\n# A comment\n```\n[a](#a-comment)', '#a-comment names no heading'],
    ['[a](../src/main/compose.ts#L1)', '../src/main/compose.ts#L1 names no heading'],
    ['[a](../../outside.md)', '../../outside.md leads out of the project'],
    ['[a](/docs/security.md)', '/docs/security.md leads out of the project'],
  ])('is broken: %j', (text, problem) => {
    expect(judge(text)).toEqual([`docs/planted.md: ${problem}`]);
  });

  it('is missed as soon as its page is gone', () => {
    const others = new Map([...pages].filter(([name]) => name !== 'docs/ssh.md'));
    const isThere = (path: string) => path !== 'docs/ssh.md' && existsSync(join(project, path));
    expect(findProblems(others, isThere)).toEqual(
      expect.arrayContaining([
        'README.md: docs/ssh.md leads nowhere',
        'docs/first-boot.md: ssh.md leads nowhere',
      ]),
    );
  });
});
