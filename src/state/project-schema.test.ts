import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { aiToolNames, bundleNames } from '../domain/bundle-names.ts';
import { openProjectFiles } from './project-files.ts';
import { projectRules } from './project-rules.ts';
import { projectSchema } from './project-schema.ts';

const files = openProjectFiles();
const accepts = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(projectSchema());
let root: string;
let path: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'spuff-schema-'));
  path = join(root, 'spuff.yaml');
  writeFileSync(join(root, 'compose.yaml'), '');
});
afterAll(() => rmSync(root, { recursive: true }));

const isRead = async (text: string) => {
  writeFileSync(path, text);
  return (await files.check(path)).length === 0;
};
const isOfSchema = (text: string) => accepts(parse(text) ?? {});

/** Both take them. */
const right = [
  '',
  'version: "1"',
  'version: 1',
  'version:',
  'name: shop-2',
  'resources: { provider: local, size: 4cpu-8gb, region: nbg1, image: debian-12 }',
  'resources: { region: "nbg1, fsn1" }',
  'resources: { region: [nbg1, fsn1] }',
  'resources: { size: }',
  ...bundleNames.flatMap((name) => [`bundles: [${name}]`, `bundles: ["${name}@1.2.3"]`]),
  'bundles: []',
  'packages: [ripgrep, libc6-dev:arm64, "jq=1.6-2.1"]',
  'services: {}',
  'services: { enabled: false, compose_file: a/b.yaml, profiles: [debug] }',
  'repositories: [owner/repo, "git@host:a/b.git", "https://host/a.git", { url: a/b, path: src/b, branch: main }]',
  'env: { A: b, B: 3, C: true, D: 1.50, E: "", _f: $X }',
  'env: { A: { from: op read x } }',
  'setup: npm ci',
  'setup: [npm ci, "a\\nb"]',
  'ports: [1, 65535, "80", "8080:80"]',
  'hooks: { post_up: a, pre_down: [b, c] }',
  'ai_tools: all',
  'ai_tools: none',
  `ai_tools: [${aiToolNames.join(', ')}]`,
  'dotfiles: owner/dotfiles',
  'dotfiles: { url: owner/dotfiles }',
  'volumes: [{ target: /srv/data }, { source: data, target: data, mount_point: mnt/data }]',
  'idle_timeout: 1h30m',
  'max_lifetime: off',
  'guard: { forges: [github.com], confirm: always, confirm_timeout: 20s, lease: 1h, rate: 3, commit_signing: off }',
  'guard: { keys: [work@laptop], hosts: [{ host: git.example.com, users: [git] }] }',
  'firewall: my-ip',
  'firewall: [198.51.100.0/24, "2001:db8::/32"]',
  'rescue: false',
  'on_idle: snapshot',
  'sync: none',
  'prebuild: auto',
  'devcontainer: true',
  'keep_env: true',
];

/** Both refuse them. */
const wrong = [
  '- a',
  'version: "2"',
  'version: 1.5',
  'nmae: a',
  'constructor: a',
  'name: -a',
  'name: a_b',
  `name: ${'a'.repeat(41)}`,
  'resources: local',
  'resources: { sizes: a }',
  'resources: { size: [a] }',
  'resources: { size: "a b" }',
  'resources: { region: [] }',
  'resources: { region: "a,,b" }',
  'resources: { image: 12 }',
  'resources: { provider: Local }',
  'bundles: node',
  'bundles: [perl]',
  'bundles: ["node@"]',
  'bundles: ["node@1 2"]',
  'bundles: [1]',
  'bundles: [null]',
  'packages: [-a]',
  'packages: [A]',
  'packages: ["a;b"]',
  'services: { enabled: "yes" }',
  'services: { compose_file: /a }',
  'services: { compose_file: ~/a }',
  'services: { compose_file: a/../../b }',
  'services: { profiles: debug }',
  'repositories: [{ path: a }]',
  'repositories: ["ext::sh"]',
  'repositories: ["file:///etc"]',
  'repositories: [{ url: a/b, branch: -x }]',
  'repositories: [{ url: a/b, branch: a..b }]',
  'repositories: [{ url: a/b, path: .. }]',
  'env: [a]',
  'env: { A-B: c }',
  'env: { A: null }',
  'env: { A: [b] }',
  'env: { A: { command: b } }',
  'env: { A: { from: " " } }',
  'setup: { a: b }',
  'setup: [""]',
  'setup: [1]',
  'ports: 80',
  'ports: [0]',
  'ports: [65536]',
  'ports: [80.5]',
  'ports: ["80:0"]',
  'ports: ["80:80:80"]',
  'ports: ["080"]',
  'hooks: [a]',
  'hooks: { pre_up: a }',
  'ai_tools: some',
  'ai_tools: [claude]',
  'dotfiles: [a/b]',
  'volumes: [a]',
  'volumes: [{ source: a }]',
  'volumes: [{ target: ../a }]',
  'volumes: [{ target: a, source: /a }]',
  'idle_timeout: 30',
  'idle_timeout: 30x',
  'max_lifetime: never',
  'guard:',
  'guard: []',
  'guard: { rates: 1 }',
  'guard: { forges: [example.com] }',
  'guard: { lease: soon }',
  'guard: { rate: 601 }',
  'firewall: closed',
  'firewall: [my-ip]',
  'rescue: "true"',
  'rescue: 1',
  'on_idle: stop',
  'sync: scp',
  'prebuild: on',
  'devcontainer: "no"',
  'keep_env: yes',
];

/** The reader alone refuses them: a schema has no words for what is wrong. docs/project.md names them. */
const readerAlone = [
  'env: { A: $1 }',
  'env: { A: { from: "op \'x" } }',
  'ports: [80, "80:8080"]',
  'bundles: [node, "node@24"]',
  'idle_timeout: 999999d',
  'idle_timeout: 0s',
  'firewall: [198.51.100.0/33]',
  'guard: { lease: 9h }',
  'name: &a b\nsetup: [*a]',
];

describe('the JSON Schema', () => {
  it('is a schema of the draft that it names', () => {
    expect(new Ajv2020().validateSchema(projectSchema())).toBe(true);
  });

  it.each(right)('takes what is read: %s', async (text) => {
    expect({ isOfSchema: isOfSchema(text), isRead: await isRead(text) }).toEqual({
      isOfSchema: true,
      isRead: true,
    });
  });

  it.each(wrong)('refuses what is refused: %s', async (text) => {
    expect({ isOfSchema: isOfSchema(text), isRead: await isRead(text) }).toEqual({
      isOfSchema: false,
      isRead: false,
    });
  });

  it.each(readerAlone)('has no words for %s', async (text) => {
    expect({ isOfSchema: isOfSchema(text), isRead: await isRead(text) }).toEqual({
      isOfSchema: true,
      isRead: false,
    });
  });

  it('takes whatever is read, and says a sentence about every setting', async () => {
    const names = fc.constantFrom(...Object.keys(projectRules), 'x');
    const leaf = fc.constantFrom(
      'a',
      'node',
      'all',
      'a/b',
      '1h',
      'off',
      80,
      0,
      1.5,
      true,
      null,
      '',
      '8080:80',
      'my-ip',
    );
    const value = fc.oneof(
      leaf,
      fc.array(leaf, { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('size', 'url', 'target', 'A'), leaf),
    );
    let read = 0;
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, value, { maxKeys: 2 }), async (content) => {
        const text = JSON.stringify(content);
        if (!(await isRead(text))) return;
        read++;
        expect(isOfSchema(text), text).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(read).toBeGreaterThan(100);
    const { properties } = projectSchema() as { properties: Record<string, { description?: string }> };
    for (const [name, { description }] of Object.entries(properties))
      expect(description, name).toMatch(/\.$/);
  });
});
