/** Hints are commands to paste: each must name a command, an option and a setting that exist. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { globalFlags } from '../../src/cli/global-flags.ts';
import { flagOf } from '../../src/cli/parameters.ts';
import { commandNames, loadCommand } from '../../src/cli/registry.ts';
import { findSetting } from '../../src/state/settings-table.ts';

const source = join(import.meta.dirname, '..', '..', 'src');
const files = globSync('**/*.ts', { cwd: source }).filter((file) => !file.endsWith('.test.ts'));

/** Sentences about spuff, not commands of it. */
const prose = ['at', 'itself', 'needs', 'only', 'reads'];

/** What follows `: ` or `see ` in a string, up to the end of the command: `spuff config set ssh_key PATH`. */
function hintsIn(text: string): string[] {
  return [...text.matchAll(/(?:: |see |by |with |run )(spuff [a-z-][^'"`\n;]*)/g)].map(([, hint]) =>
    hint!.trim(),
  );
}

/** null when all that it names exists. */
async function findFault(hint: string): Promise<string | null> {
  const [, ...words] = hint.split(/,.*|\s+/);
  if (words[0]?.startsWith('-') || prose.includes(words[0] ?? '')) return null;
  const known = commandNames();
  const name = [words.slice(0, 2).join(' '), words[0] ?? ''].find((candidate) => known.includes(candidate));
  if (name === undefined)
    return known.some((one) => one.startsWith(`${words[0]} `)) ? null : 'no such command';
  const spec = (await loadCommand(name))!;
  const own = Object.entries(spec.options).map(([key, { form }]) =>
    form === 'negated' ? flagOf(key).replace(/^--/, '--no-') : flagOf(key),
  );
  const flags = ['--help', '--json', ...own, ...globalFlags.flatMap(({ flags: text }) => text.split(', '))];
  const options = words.slice(0, words.includes('--') ? words.indexOf('--') : undefined);
  const unknown = options.find(
    (word) => /^--[a-z]/.test(word) && !flags.includes(word.replace(/=.*|[^a-z-]+$/g, '')),
  );
  if (unknown !== undefined) return `no such option: ${unknown}`;
  const setting = /^config (?:get|set|unset)$/.test(name) ? words[2] : undefined;
  if (setting !== undefined && /^[a-z]/i.test(setting) && setting !== 'KEY' && !findSetting(setting))
    return `no such setting: ${setting}`;
  return null;
}

it('every hint in the source names what exists', async () => {
  const hints = files.flatMap((file) =>
    hintsIn(readFileSync(join(source, file), 'utf8')).map((hint) => ({ file, hint })),
  );
  expect(hints.length).toBeGreaterThan(60);
  const faults: string[] = [];
  for (const { file, hint } of hints) {
    const fault = await findFault(hint);
    if (fault !== null) faults.push(`${file}: ${hint}: ${fault}`);
  }
  expect(faults).toEqual([]);
});

it.each([
  ['spuff config set sshKey PATH', 'no such setting: sshKey'],
  ['spuff dwon demo', 'no such command'],
  ['spuff up demo --tll 8h', 'no such option: --tll'],
  ['spuff exec demo -- ls --all', null],
])('judges %j', async (hint, fault) => {
  expect(await findFault(hint)).toBe(fault);
});
