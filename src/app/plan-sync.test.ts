import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SyncedFile } from '../domain/sync.ts';
import { planDownload, planUpload } from './plan-sync.ts';

const signs = (files: Record<string, string>) =>
  new Map(Object.entries(files).map(([path, sign]) => [path, { sign, kind: 'file' }]));

const known = (files: Record<string, [here: string, there: string]>) =>
  new Map(Object.entries(files).map(([path, [here, there]]) => [path, { here, there }]));

const upload = (
  here: Record<string, string>,
  there: Record<string, string>,
  record: Record<string, [string, string]>,
  stays: string[] = [],
) =>
  planUpload({
    here: signs(here),
    there: signs(there),
    record: known(record),
    staysHere: (path) => stays.includes(path),
  });

describe('a plan for the way up', () => {
  it('sends what is new or changed here alone', () => {
    const plan = upload({ a: '2', b: '1', c: '1' }, { a: '1', b: '1' }, { a: ['1', '1'], b: ['1', '1'] });
    expect(plan).toMatchObject({ send: ['a', 'c'], compare: [], remove: [], ahead: [], goneHere: [] });
  });

  it('leaves what was changed there alone, also a removal', () => {
    const plan = upload({ a: '1', b: '1' }, { a: '2' }, { a: ['1', '1'], b: ['1', '1'] });
    expect(plan).toMatchObject({ send: [], ahead: ['a', 'b'] });
    expect(plan.settled.get('a')).toEqual({ here: '1', there: '1' });
  });

  it('compares what was changed on both sides, or was there before', () => {
    expect(upload({ a: '2', b: '1' }, { a: '3', b: '9' }, { a: ['1', '1'] }).compare).toEqual(['a', 'b']);
  });

  it('sends again what was changed here and removed there', () => {
    expect(upload({ a: '2' }, {}, { a: ['1', '1'] }).send).toEqual(['a']);
  });

  it('removes what was sent and is gone here, unless it was changed there or is ignored by now', () => {
    const there = { a: '1', b: '2', c: '1', d: '1' };
    const record = { a: ['1', '1'], b: ['1', '1'], c: ['1', '1'] } as Record<string, [string, string]>;
    const plan = upload({}, there, record, ['c']);
    expect(plan).toMatchObject({ remove: ['a'], goneHere: ['b'] });
    expect([...plan.settled.keys()]).toEqual([]);
  });

  it('never sends over what was changed there, nor removes it', () => {
    const sign = fc.option(fc.constantFrom('1', '2', '3'));
    const names = ['a', 'b'];
    const side = fc.tuple(sign, sign);
    const property = fc.property(side, side, fc.tuple(side, side), (here, there, record) => {
      const toSide = (values: readonly (string | null)[]) =>
        Object.fromEntries(names.flatMap((name, at) => (values[at] ? [[name, values[at]]] : [])));
      const pairs = names.flatMap((name, at): [string, SyncedFile][] => {
        const [ours, theirs] = record[at] ?? [];
        return ours && theirs ? [[name, { here: ours, there: theirs }]] : [];
      });
      const plan = planUpload({
        ...{ here: signs(toSide(here)), there: signs(toSide(there)) },
        ...{ record: new Map(pairs), staysHere: () => false },
      });
      const touched = [...plan.send, ...plan.remove];
      return touched.every((name) => {
        const sees = toSide(there)[name];
        return sees === undefined || sees === new Map(pairs).get(name)?.there;
      });
    });
    fc.assert(property);
    expect(names).toHaveLength(2);
  });
});

const nothing = {
  hooksFolders: [],
  files: new Set<string>(),
  bareFolders: new Set<string>(),
  ignored: new Set<string>(),
};

const download = (
  there: Record<string, string>,
  here: Record<string, string>,
  record: Record<string, [string, string]> = {},
  guards = nothing as Parameters<typeof planDownload>[1],
) =>
  planDownload(
    { there: signs(there), record: known(record), signHere: (path) => here[path] ?? null },
    guards,
  );

describe('a plan for the way down', () => {
  it('brings what was changed or made there', () => {
    const plan = download({ a: '2', b: '1', c: '1' }, { a: '1', b: '1' }, { a: ['1', '1'], b: ['1', '1'] });
    expect(plan).toMatchObject({ bring: ['a', 'c'], compare: [], left: [], goneThere: [] });
  });

  it('compares what was changed here too, is unknown here, or was removed here', () => {
    const there = { a: '2', b: '2', c: '2' };
    const plan = download(there, { a: '3', b: '1' }, { a: ['1', '1'], c: ['1', '1'] });
    expect(plan).toMatchObject({ bring: [], compare: ['a', 'b', 'c'] });
  });

  it('names what is gone there where it is here as it was', () => {
    const plan = download({}, { a: '1', b: '2' }, { a: ['1', '1'], b: ['1', '1'], c: ['1', '1'] });
    expect(plan.goneThere).toEqual(['a']);
    expect([...plan.settled.keys()]).toEqual(['a', 'b']);
  });

  it.each([
    ...['.git/hooks/post-checkout', '.GIT/config', 'sub/.git', 'a/.Git ./x', 'git~1/config', '.g\u200cit/x'],
    ...['..', '../x', 'a/../../x', '/etc/passwd', 'a//b', './a', '', 'a\0b', 'x'.repeat(5_000)],
    ...['spuff.secrets.yaml', 'sub/SPUFF.secrets.yml', 'spuff.yaml', 'sub/Spuff.yml'],
    ...['.husky/pre-commit', '.HUSKY/pre-commit', '.husky/_/h', '.gitconfig', 'scripts/Token.sh'],
    ...[
      'x/HEAD',
      'x/config',
      'x/objects/a/b',
      '.envrc',
      'a/.envrc.local',
      '.vscode/tasks.json',
      '.vscode',
      'a/.idea',
      'a/.idea/x',
    ],
    ...['mise.toml', '.mise.local.toml', '.pre-commit-config.yaml', 'lefthook.yml'],
  ])('never brings %j', (path) => {
    const plan = download(
      { [path]: '1', fine: '1' },
      {},
      {},
      {
        ...nothing,
        ...{
          hooksFolders: ['.husky'],
          files: new Set(['.gitconfig', 'scripts/token.sh']),
          bareFolders: new Set(['x']),
        },
      },
    );
    expect(plan.bring).toEqual(['fine']);
    expect(plan.left.map((one) => one.path)).toEqual([path]);
  });

  it('leaves what git ignores here', () => {
    const guards = { ...nothing, ignored: new Set(['a']) };
    expect(download({ a: '1', b: '1' }, {}, {}, guards).bring).toEqual(['b']);
  });
});
