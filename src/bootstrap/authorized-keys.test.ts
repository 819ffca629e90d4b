import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildKeyChange, readAuthorizedKeys, readKeyChange } from './authorized-keys.ts';

const [a, b, c] = ['a', 'b', 'c'].map(
  (letter) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${letter.repeat(43)}`,
) as [string, string, string];

let home: string;
let file: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-keys-'));
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  file = join(home, '.ssh', 'authorized_keys');
});
afterEach(() => rmSync(home, { recursive: true }));

/** Runs the real program, as it runs on a machine. */
function change(mode: 'add' | 'remove' | 'force', ...keys: string[]): ReturnType<typeof readKeyChange> {
  const [program = '', ...args] = buildKeyChange(mode, keys);
  const { stdout } = spawnSync(program, args, {
    env: { PATH: process.env['PATH'], HOME: home },
    encoding: 'utf8',
  });
  expect(readdirSync(join(home, '.ssh')).filter((name) => name.startsWith('authorized_keys.'))).toEqual([]);
  return readKeyChange(stdout);
}

const text = () => readFileSync(file, 'latin1');
const write = (...lines: string[]) =>
  writeFileSync(file, lines.join('\n'), { mode: 0o600, encoding: 'latin1' });

describe('a change of the keys that a machine lets in', () => {
  it('puts a key behind the others once, and leaves every other line as it is', () => {
    const before = [
      '# note',
      '',
      `  ${b} someone's`,
      `from="10.0.0.0/8,a b" ${c} x\r`,
      '\xff\xfe not text',
      '',
    ];
    write(...before);
    expect(change('add', a)).toBe('changed');
    expect(text()).toBe([...before.slice(0, -1), a, ''].join('\n'));
    expect(change('add', a)).toBe('same');
    expect(change('remove', a)).toBe('changed');
    expect(text()).toBe(before.join('\n'));
    expect(change('remove', a)).toBe('same');
  });

  it('takes every line with the key away, with options or a comment, and no line that only speaks of it', () => {
    const kept = [`# ${a}`, `command="echo ${a}" ${b}`, `environment="X=\\"${a}\\"" ${c}`, `${b}`];
    write(`${a} me@here`, kept[0]!, `restrict,command="a \\" b" ${a} x`, ...kept.slice(1), `\t${a}`, '');
    expect(change('remove', a)).toBe('changed');
    expect(text()).toBe([...kept, ''].join('\n'));
  });

  it('adds a key that stands there only with options', () => {
    write(`restrict ${a}`, '');
    expect(change('add', a)).toBe('changed');
    expect(text()).toBe(`restrict ${a}\n${a}\n`);
  });

  it('ends a last line that has no end, and takes several keys at once', () => {
    write(b);
    expect(change('add', a, c)).toBe('changed');
    expect(new Set(text().split('\n'))).toEqual(new Set([b, a, c, '']));
    expect(change('remove', a, b)).toBe('changed');
    expect(text()).toBe(`${c}\n`);
  });

  it('never takes the last key, unless it is told to', () => {
    write('# nothing else', a, '');
    expect(change('remove', a)).toEqual({ reason: 'no key would be left' });
    expect(text()).toContain(a);
    expect(change('force', a)).toBe('changed');
    expect(text()).toBe('# nothing else\n');
  });

  it('keeps the mode, follows a link, and removes what a run that was cut off has left', () => {
    write(b, '');
    renameSync(file, join(home, 'real'));
    chmodSync(join(home, 'real'), 0o640);
    symlinkSync(join(home, 'real'), file);
    writeFileSync(join(home, 'real.spuff-abcdef'), 'half');
    expect(change('add', a)).toBe('changed');
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(home).sort()).toEqual(['.ssh', 'real']);
  });

  it('says what is wrong, and changes nothing', () => {
    expect(change('add', a)).toEqual({ reason: 'it has no ~/.ssh/authorized_keys' });
    expect(readKeyChange('motd\n')).toEqual({ reason: 'it broke off' });
    expect(readKeyChange('spuff-keys fail nonsense\n')).toEqual({ reason: 'it broke off' });
    for (const bad of ['ssh-ed25519', `${a} comment`, `${a}\n${b}`, "ssh-ed25519 AAAA'"])
      expect(() => buildKeyChange('add', [bad])).toThrow(TypeError);
  });
});

describe('the keys of a file', () => {
  it('are read as ssh-keygen reads them', () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, 'one')]);
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', join(home, 'two')]);
    const [one, two] = ['one', 'two'].map((name) => readFileSync(join(home, `${name}.pub`), 'utf8').trim());
    write('# note', one!, `from="a b",command="say \\"ssh-rsa AAAA\\"" ${two}`, '');
    const listed = execFileSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' });
    expect(readAuthorizedKeys(text()).map(({ fingerprint }) => fingerprint)).toEqual(
      listed
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[1]),
    );
  });
});
