import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEngineSocketAlone } from './settings.ts';
import { findSetting } from './settings-table.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-settings-'));
  path = join(directory, 'config.yaml');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('engine_socket', () => {
  const parse = (text: string) => findSetting('engine_socket')?.parse(text);

  it.each([
    '/run/docker.sock',
    'unix:///run/docker.sock',
    'tcp://127.0.0.1:2375',
    'http://[::1]:1',
    'tcp://localhost',
  ])('takes an engine on this computer: %s', (text) => expect(parse(text)).toBe(text));

  it.each([
    'tcp://10.0.0.1:2375',
    'http://docker.example.org',
    'tcp://',
    'ssh://me@host',
    'docker.sock',
    'tcp://127.evil.org',
  ])('refuses any other when it is set: %s', (text) =>
    expect(() => parse(text)).toThrow(/a socket on this computer/),
  );

  it.each([
    ['region: [nonsense\n', null],
    ['regoin: fra1\nengine_socket: /run/other.sock\n', '/run/other.sock'],
    ['# engine_socket: /no\nregoin: fra1\n', null],
  ])('is read from a file that is wrong elsewhere: %j', (text, engineSocket) => {
    writeFileSync(path, text);
    expect(readEngineSocketAlone(path)).toEqual({ engineSocket });
  });

  it.each([
    'engine_socket: tcp://10.0.0.1:2375\n',
    'regoin: x\nengine_socket: "/run/\\x61"\n',
    'engine_socket: /a\nengine_socket: /b\n',
    'engine-socket: /a\n',
    '{regoin: x, engine_socket: /a}\n',
  ])('is not guessed where the file says something about it that is not plain: %j', (text) => {
    writeFileSync(path, text);
    expect(readEngineSocketAlone(path)).toBeNull();
  });
});
