import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openProjectFiles } from './project-files.ts';

const files = openProjectFiles();
let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'spuff-project-')), 'spuff.yaml');
});
afterEach(() => rmSync(join(path, '..'), { recursive: true }));

const problems = async (text: string) => {
  writeFileSync(path, text);
  const found = await files.check(path);
  return found.map(({ line, column, message, hint }) => [`${line}:${column} ${message}`, hint]);
};

describe('what is wrong with it', () => {
  it.each([
    [
      'an unknown setting',
      'bundle: [node]\n',
      '1:1 there is no setting of a project "bundle"',
      'did you mean bundles?',
    ],
    [
      'an unknown version',
      'version: "2"\n',
      '1:10 version: "2" is not one that this spuff knows: there is 1',
      null,
    ],
    ['a name', 'name: My App\n', /^1:7 name: "My App" is not a name of 1 to 40/, null],
    ['a wrong type', 'packages: jq\n', '1:11 packages: expected a list, such as [ripgrep, jq]', null],
    ['a list for a map', 'resources: [a]\n', '1:12 resources: expected settings of the resources', null],
    [
      'an unknown bundle',
      'bundles: [rust, pyhton]\n',
      '1:17 bundles[1]: there is no bundle "pyhton"',
      'did you mean python?',
    ],
    ['a bundle twice', 'bundles: [node, node@24]\n', '1:17 bundles: the bundle "node" stands twice', null],
    ['a bundle without its version', 'bundles: [node@]\n', '1:11 bundles[0]: "node@" has no version', null],
    [
      'an unknown tool',
      'ai_tools: [claude_code]\n',
      '1:12 ai_tools[0]: there is no AI tool "claude_code"',
      /claude-code/,
    ],
    [
      'an unknown choice',
      'sync: rsnyc\n',
      '1:7 sync: "rsnyc" is not one of rsync, git, none',
      'did you mean rsync?',
    ],
    [
      'a port that is none',
      'ports: [70000]\n',
      /^1:9 ports\[0\]: "70000" is not a port from 1 to 65535/,
      null,
    ],
    ['a port with a word', 'ports: ["80:http"]\n', /^1:9 ports\[0\]: "80:http" is not a port/, null],
    ['a local port twice', 'ports: [80, "80:8080"]\n', '1:13 ports: the local port "80" stands twice', null],
    ['a length of time', 'idle_timeout: 30\n', /^1:15 idle_timeout: "30" is not a length of time/, null],
    ['no truth value', 'rescue: yes\n', '1:9 rescue: "yes" is not true or false', null],
    [
      'an option for a package',
      'packages: [--force-yes]\n',
      /^1:12 packages\[0\]: "--force-yes" is not the name/,
      null,
    ],
    [
      'a transport that runs a command',
      'repositories: ["ext::sh -c a"]\n',
      /^1:16 repositories\[0\]: .* is not a repository/,
      null,
    ],
    [
      'a repository without its address',
      'repositories: [{path: a}]\n',
      '1:16 repositories[0]: url is missing',
      null,
    ],
    [
      'a way out',
      'repositories: [{url: a/b, path: ../../etc}]\n',
      /^1:33 repositories\[0\]\.path: "..\/..\/etc" is not a path in the home/,
      null,
    ],
    [
      'a branch like an option',
      'dotfiles: {url: a/b, branch: -x}\n',
      /^1:30 dotfiles\.branch: "-x" is not the name of a branch/,
      null,
    ],
    [
      'an absolute compose file',
      'services: {compose_file: /etc/passwd}\n',
      /^1:26 services\.compose_file: /,
      null,
    ],
    [
      'a variable with a strange name',
      'env: {A-B: c}\n',
      '1:7 env: "A-B" is not the name of a variable: letters, digits and _',
      null,
    ],
    ['a variable without a value', 'env: {A: }\n', /^1:\d+ env\.A: this is not a text/, null],
    ['a prototype', 'env: {__proto__: c}\n', /^1:7 env: "__proto__" is not the name of a variable/, null],
    [
      'a setting of every object',
      'constructor: 1\ntoString: 2\n',
      '1:1 there is no setting of a project "constructor"',
      null,
    ],
    [
      'a dollar sign of its own',
      'env: {A: a$b$, B: "$1"}\n',
      /^1:10 env\.A: this is not a text whose \$ begins/,
      null,
    ],
    [
      'a command in quotes that do not end',
      "env: {A: {from: op 'x}}\n",
      /^1:17 env\.A\.from: .* is not a command line/,
      null,
    ],
    ['no region', 'resources: {region: []}\n', '1:21 resources.region: the list is empty', null],
    ['a network', 'firewall: [198.51.100.0/33]\n', /^1:12 firewall\[0\]: .* is not a network/, null],
    [
      'the guard',
      'guard: {rates: 1}\n',
      '1:9 there is no setting of the guard "rates"',
      'did you mean rate?',
    ],
    ['an alias', 'name: &a app\nsetup: [*a]\n', '2:9 setup[0]: an alias is not taken, write it out', null],
    [
      'a merged map',
      'a: &a {size: b}\nresources: {<<: *a}\n',
      '1:1 there is no setting of a project "a"',
      null,
    ],
    ['a tag', 'name: !x app\n', '1:7 a tag (!…) is not taken here', null],
    ['a key twice', 'name: a\nname: b\n', /^2:1 Map keys must be unique/, null],
    ['two documents', 'name: a\n---\nname: b\n', /^\d:1 Source contains multiple documents/, null],
    ['a list', '- a\n', '1:1 expected settings of a project, of the form key: value', null],
    ['no YAML', 'name: [\n', /^\d:\d /, null],
    ['control characters', 'name: "\\e[31m"\n', /"\\\\x1b\[31m"/, null],
  ])('is told: %s', async (_name, text, message, hint) => {
    const [first = []] = await problems(text);
    if (message instanceof RegExp) expect(first[0]).toMatch(message);
    else expect(first[0]).toBe(message);
    if (hint instanceof RegExp) expect(first[1]).toMatch(hint);
    else if (hint !== null) expect(first[1]).toBe(hint);
    await expect(files.read(path)).rejects.toMatchObject({ code: 'config' });
  });

  it('is all told at once, from the top, the guard among it', async () => {
    const text = 'ports: [0]\nguard:\n  rates: 1\nsync: x\nbundles: [a, b]\n';
    const places = (await problems(text)).map(([message]) => message?.split(' ')[0]);
    expect(places).toEqual(['1:9', '3:3', '4:7', '5:11', '5:14']);
    await expect(files.read(path)).rejects.toThrow(/:1:9: .*\n.*:3:3: .*\n.*:4:7: /);
  });

  it.each([
    ['a token', 'env: {A: ghp_abcdefghijklmnopqrstuvwxyz0123456789AB}', '1:10', 'a GitHub token'],
    ['a token in a comment', '# ghp_abcdefghijklmnopqrstuvwxyz0123456789AB', '1:3', 'a GitHub token'],
    [
      'a token in escapes',
      'env: {A: "\\x67hp_abcdefghijklmnopqrstuvwxyz0123456789AB"}',
      '1:10',
      'a GitHub token',
    ],
    ['a password in a URL', 'env: {A: "postgres://app:hunter2@db/app"}', '1:11', 'a URL with a password'],
    ['a token of an unknown kind', 'env: {API_TOKEN: 8f3a9c1e7b2d4f6a0c5e9d1b}', '1:18', 'a credential'],
    ['a token as a name', 'ghp_abcdefghijklmnopqrstuvwxyz0123456789AB: 1', '1:1', 'a GitHub token'],
    [
      'a token as a fallback',
      'env: {A: "${B:-ghp_abcdefghijklmnopqrstuvwxyz0123456789AB}"}',
      '1:16',
      'a GitHub token',
    ],
    ['a token for an anchor', 'name: *ghp_abcdefghijklmnopqrstuvwxyz0123456789AB', '1:8', 'a GitHub token'],
  ])('is %s, and that is not printed', async (_name, text, place, kind) => {
    const all = JSON.stringify(await problems(`${text}\n`));
    expect(all).toContain(`${place} this looks like ${kind}`);
    expect(all).toContain('spuff.secrets.yaml');
    expect(all).not.toMatch(/abcdefghijkl|hunter2|8f3a9c1e/);
    const error = await files.read(path).catch((thrown: unknown) => thrown);
    expect(inspect(error)).not.toMatch(/abcdefghijkl|hunter2|8f3a9c1e/);
  });
});
