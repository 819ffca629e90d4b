import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDevcontainer } from './devcontainer-file.ts';
import { openProjectFiles } from './project-files.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'spuff-devcontainer-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, content: unknown): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
}

describe('a devcontainer.json', () => {
  it('is looked for where the reference says, the usual place first', () => {
    expect(() => readDevcontainer(root)).toThrow('has no devcontainer.json');
    put('.devcontainer/go/devcontainer.json', {});
    expect(readDevcontainer(root).path).toBe('.devcontainer/go/devcontainer.json');
    put('.devcontainer/js/devcontainer.json', {});
    expect(() => readDevcontainer(root)).toThrow('has several: .devcontainer/go/devcontainer.json');
    put('.devcontainer.json', {});
    expect(readDevcontainer(root).path).toBe('.devcontainer.json');
    put('.devcontainer/devcontainer.json', {});
    expect(readDevcontainer(root).path).toBe('.devcontainer/devcontainer.json');
  });

  it('may have comments and trailing commas, and what is wrong with it is named with its place', () => {
    put('.devcontainer.json', '\uFEFF// one\n{ "forwardPorts": [3000,], /* two */ }\n');
    expect(readDevcontainer(root).ports).toEqual([{ port: 3000, service: null }]);
    put('.devcontainer.json', '{\n  "image": what\n}');
    expect(() => readDevcontainer(root)).toThrow('.devcontainer.json:2:12: this is no JSON');
    put('.devcontainer.json', '[]');
    expect(() => readDevcontainer(root)).toThrow('this is no object');
  });

  it('is known by what is beside it, and by links as links, also where they lead in circles or elsewhere', () => {
    put('.devcontainer/devcontainer.json', {});
    put('secret', 'one');
    for (const [name, leadsTo] of [
      ['a', '.'],
      ['b', '.'],
      ['c', '../secret'],
    ] as const)
      symlinkSync(leadsTo, join(root, '.devcontainer', name));
    const { hash } = readDevcontainer(root);
    put('secret', 'two');
    expect(readDevcontainer(root).hash).toBe(hash);
    put('.devcontainer/Dockerfile', 'FROM scratch');
    expect(readDevcontainer(root).hash).not.toBe(hash);
  });

  it('names ports: its own, those of services beside it, and those that it only describes', () => {
    put('.devcontainer.json', {
      ...{ dockerComposeFile: 'compose.yaml', forwardPorts: [3000, 'db:5432', 'localhost:8080', '3000'] },
      portsAttributes: {
        ...{ '3000': { label: 'web' }, '9000': {}, '9229': { onAutoForward: 'ignore' } },
        ...{ '40000-55000': {}, '.+/server.js': {} },
      },
      appPort: [4000, '5000:80', '127.0.0.1:6000:90', '8080:1'],
    });
    expect(readDevcontainer(root)).toMatchObject({
      usesCompose: true,
      ports: [
        { port: 3000, service: null },
        { port: 5432, service: 'db' },
        { port: 9000, service: null },
      ],
      publishedPorts: [4000, 5000, 6000, 8080],
    });
    for (const wrong of [0, 65_536, 'db:', '$(reboot):80', 'a b:80', null]) {
      put('.devcontainer.json', { forwardPorts: [wrong] });
      expect(() => readDevcontainer(root), String(wrong)).toThrow('is no port');
    }
  });

  it('has another hash when something beside it has changed, and the same one otherwise', () => {
    put('.devcontainer/devcontainer.json', { build: { dockerfile: 'Dockerfile' } });
    put('.devcontainer/Dockerfile', 'FROM a');
    const { hash } = readDevcontainer(root);
    put('src/main.c', 'int main;');
    expect(readDevcontainer(root).hash).toBe(hash);
    put('.devcontainer/Dockerfile', 'FROM b');
    expect(readDevcontainer(root).hash).not.toBe(hash);
  });
});

describe('a project', () => {
  const files = openProjectFiles();

  it('can be one by its devcontainer.json alone, anywhere in its repository and not above it', async () => {
    put('.devcontainer/devcontainer.json', { forwardPorts: [3000] });
    mkdirSync(join(root, 'src', 'deep'), { recursive: true });
    expect(await files.readContainer(join(root, 'src'))).toBe(null);
    mkdirSync(join(root, '.git'));
    const found = await files.readContainer(join(root, 'src', 'deep'));
    expect(found).toMatchObject({
      root,
      sync: 'rsync',
      container: { path: '.devcontainer/devcontainer.json' },
    });
    expect(found?.ports).toEqual([{ local: 3000, remote: 3000 }]);
    mkdirSync(join(root, 'src', '.git'));
    expect(await files.readContainer(join(root, 'src', 'deep'))).toBe(null);
  });

  it('with a file of spuff says itself whether it counts, and its own ports come first', async () => {
    put('.devcontainer.json', { forwardPorts: [3000, 4000] });
    put('spuff.yaml', 'version: "1"\nports: ["3000:80"]\n');
    const path = join(root, 'spuff.yaml');
    expect(await files.read(path)).toMatchObject({ container: null, ports: [{ local: 3000, remote: 80 }] });
    put('spuff.yaml', 'version: "1"\ndevcontainer: true\nports: ["3000:80"]\n');
    expect((await files.read(path)).ports).toEqual([
      { local: 3000, remote: 80 },
      { local: 4000, remote: 4000 },
    ]);
    rmSync(join(root, '.devcontainer.json'));
    await expect(files.read(path)).rejects.toThrow('has no devcontainer.json');
  });
});
