import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cronLine, editCrontab, launchdFile, type ReaperTimer, systemdFiles } from './timer-files.ts';

/** Words that each of the formats would take for something else. */
const hostile = [
  'a b',
  'c"d',
  "e'f",
  'g\\h',
  '100%',
  '%n',
  '$HOME',
  '${x}',
  '`id`',
  ';',
  '#',
  '<&>',
  '*',
  '~',
  'ä',
];

const timer = (change: Partial<ReaperTimer> = {}): ReaperTimer => ({
  argv: ['/usr/bin/node', '/opt/my spuff/spuff.cjs', 'reap', '--once'],
  environment: { SPUFF_HOME: '/home/a b/.spuff', PATH: '/usr/bin:/bin' },
  environmentFile: null,
  everySeconds: 300,
  ...change,
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-timer-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program that writes its arguments and a variable down, as JSON. */
function writeProbe(): { argv: string[]; read: () => unknown } {
  const out = join(folder, 'out.json');
  const probe = join(folder, 'probe.mjs');
  const write = `[...process.argv.slice(2), process.env.SPUFF_HOME, process.env.TOKEN]`;
  writeFileSync(
    probe,
    `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(out)}, JSON.stringify(${write}));\n`,
  );
  return { argv: [process.execPath, probe, ...hostile], read: () => JSON.parse(readFileSync(out, 'utf8')) };
}

describe('for systemd', () => {
  const verify = (files: Readonly<Record<string, string>>) => {
    const paths = Object.entries(files).map(([name, content]) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    });
    const argv = ['--user', '--man=no', 'verify', ...paths];
    return spawnSync('systemd-analyze', argv, {
      encoding: 'utf8',
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
    });
  };
  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

  it.runIf(hasSystemd)('is what systemd takes, whatever stands in it', () => {
    const argv = [process.execPath, ...hostile];
    for (const one of [
      timer(),
      timer({ argv, environment: { X: hostile.join(' ') }, environmentFile: '/etc/a b%c' }),
    ]) {
      const { stderr, status } = verify(systemdFiles(one));
      expect({ stderr: stderr.split('\n').filter((line) => line.includes('spuff-reaper')), status }).toEqual({
        stderr: [],
        status: 0,
      });
    }
  });

  it('names each word as one, with nothing in it that would be replaced', () => {
    const { 'spuff-reaper.service': service = '' } = systemdFiles(
      timer({ argv: ['/x', '$HOME', '%n', 'a"b\\c'] }),
    );
    expect(service).toContain('ExecStart="/x" "$$HOME" "%%n" "a\\"b\\\\c"\n');
    expect(service).toContain('Environment="SPUFF_HOME=/home/a b/.spuff"\n');
    expect(service).not.toContain('EnvironmentFile');
  });
});

it('for launchd is a property list that says each word as it is', () => {
  const { argv } = writeProbe();
  const text = launchdFile(timer({ argv }));
  expect(XMLValidator.validate(text)).toBe(true);
  const parsed = new XMLParser({ trimValues: false, parseTagValue: false }).parse(text) as {
    plist: { dict: { array: { string: string[] } } };
  };
  expect(parsed.plist.dict.array.string).toEqual(argv);
});

describe('for cron', () => {
  /** As cron does: up to a percent sign without a backslash, with sh. */
  const runLine = (line: string) => {
    const command = line.split(' ').slice(5).join(' ');
    const [first = ''] = command.split(/(?<!\\)%/);
    return spawnSync('/bin/sh', ['-c', first.replaceAll('\\%', '%')], { env: {} }).status;
  };

  it('is a line that runs the program with its words as they are, and the variables of the file', () => {
    const { argv, read } = writeProbe();
    const environmentFile = join(folder, "it's 100% env");
    writeFileSync(environmentFile, 'TOKEN="a b"\n');
    const home = hostile.join(' ');
    const line = cronLine(timer({ argv, environment: { SPUFF_HOME: home }, environmentFile }));
    expect(line).toMatch(/^\*\/5 \* \* \* \* /);
    expect(runLine(line)).toBe(0);
    expect(read()).toEqual([...hostile, home, 'a b']);
  });

  it('takes the place of the line before, and leaves all others', () => {
    const others = '# my own\n0 4 * * * backup\n';
    const once = editCrontab(others, cronLine(timer()));
    const twice = editCrontab(once, cronLine(timer({ everySeconds: 3_600 })));
    expect(once.startsWith(others)).toBe(true);
    expect(twice.split('\n').filter((line) => line.includes('spuff'))).toHaveLength(1);
    expect(twice).toContain('0 */1 * * * ');
    expect(editCrontab(twice, null)).toBe(others);
    expect(editCrontab('', null)).toBe('');
  });
});

it('holds nothing that would end a line', () => {
  for (const word of ['a\nb', 'a\0b', '\u001b[2J']) {
    expect(() => systemdFiles(timer({ argv: [word] }))).toThrow(/stand in a timer/);
    expect(() => launchdFile(timer({ environment: { X: word } }))).toThrow(/stand in a timer/);
    expect(() => cronLine(timer({ environmentFile: word }))).toThrow(/stand in a timer/);
  }
});
