import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runLine } from '../../test/fakes/cli-run.ts';
import { commandsPage } from './commands-page.ts';
import { splitShellWords } from './complete-request.ts';
import { parseLine } from './parse-line.ts';
import { commandGroups, commandNames, families, loadAllCommands } from './registry.ts';

const commands = await loadAllCommands();
const look = { columns: 100, bold: (text: string) => text };

describe('every command', () => {
  it('is listed under its own name, from a file of its own', () => {
    expect(commands.map((command) => command.name)).toEqual(commandNames());
    const files = readdirSync(join(import.meta.dirname, 'commands')).filter(
      (file) => !file.includes('.test.'),
    );
    expect(files.sort()).toEqual(
      commandNames()
        .map((name) => `${name.replace(' ', '-')}.ts`)
        .sort(),
    );
  });

  it('belongs to a family that is described, when its name has two words', () => {
    const used = new Set(
      commandNames()
        .filter((name) => name.includes(' '))
        .map((name) => name.split(' ')[0]),
    );
    expect([...used].sort()).toEqual(Object.keys(families).sort());
  });

  it.each(commands.map((command) => [command.name, command] as const))(
    '%s has examples that parse',
    async (name, command) => {
      expect(command.examples.length).toBeGreaterThan(0);
      for (const example of command.examples) {
        // What a shell takes off before the program sees the line.
        const [program, ...argv] = splitShellWords(example.command.replace(/ [<>].*$/, ''));
        expect(program).toBe('spuff');
        const line = await parseLine(argv, look);
        expect(line).toMatchObject({ kind: 'command', spec: { name } });
      }
    },
  );

  it.each(commands.map((command) => [command.name, command] as const))(
    '%s has texts of one style',
    (_name, command) => {
      const abouts = [
        command.summary,
        ...command.examples.map((example) => example.about),
        ...Object.values(command.options).map((option) => option.about),
        ...Object.values(command.arguments).map((argument) => argument.about),
      ];
      for (const about of abouts) expect(about).toMatch(/^(?:[^A-Z]|SOCKS)[^\n]*[^.\s]$/);
      for (const text of command.details ?? []) expect(text).toMatch(/^(?: {2}|.*[.:]$)/);
    },
  );

  it('that only reads has --json', () => {
    const writing = new Set(
      'ssh,exec,cp,completion,schema,snapshot delete,prebuild rm,image rm,init,config set,config unset,config edit,guard allow,guard revoke,reaper uninstall,reaper workflow'.split(
        ',',
      ),
    );
    const without = commands.filter((command) => command.json === undefined).map((command) => command.name);
    expect(without.filter((name) => !writing.has(name))).toEqual([]);
  });
});

describe('help', () => {
  it.each([
    ['spuff', ['--help']],
    ['up', ['up', '--help']],
    ['exec', ['exec', '--help']],
    ['agent', ['agent', '--help']],
    ['completion', ['completion', '--help']],
  ])('of %s reads as it did', async (name, argv) => {
    const { out } = await runLine(argv);
    await expect(out).toMatchFileSnapshot(`help-snapshots/${name}.txt`);
  });
});

describe('docs/commands.md', () => {
  // `npx vitest run src/cli/commands.test.ts -u` writes it anew.
  it('is what the commands say', async () => {
    await expect(commandsPage(commandGroups, commands)).toMatchFileSnapshot('../../docs/commands.md');
  });
});
