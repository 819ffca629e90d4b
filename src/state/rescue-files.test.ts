import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { emptySummary, packTar } from '../../test/fakes/pack-tar.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import type { Rescue, RescueStore } from '../domain/rescue.ts';
import { homePaths } from './home.ts';
import { openRescueStore } from './rescue-files.ts';

const { name: instanceName, key: instanceKey, provider } = sampleInstance({});
const nowMs = Date.UTC(2026, 10, 28, 5, 30, 0);
const signal = new AbortController().signal;
let home: string;
let store: RescueStore;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-rescues-'));
  store = openRescueStore(homePaths(home), { now: () => nowMs });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function save(content: Uint8Array, recipients: readonly string[] | null = null): Promise<Rescue> {
  const writer = await store.begin({ instanceName, instanceKey, provider, recipients });
  for (let at = 0; at < content.length; at += 10_000) await writer.write(content.subarray(at, at + 10_000));
  return writer.keep(true);
}

const open = (rescue: Rescue, directory = join(home, 'out')) =>
  store.unpack(rescue, { directory, identityPath: null, signal });

const allFiles = () =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe('a rescue on this computer', () => {
  it('is encrypted, the user’s alone, and comes back as it was', async ({ expect }) => {
    const text = 'the work of a day\n'.repeat(50_000);
    const archive = await packTar([
      { name: 'app/changes.patch', text },
      { name: 'app/untracked/new/a file', text: 'new', mode: 0o755 },
      { name: 'summary.json', text: emptySummary },
    ]);
    const rescue = await save(archive);
    expect(rescue).toMatchObject({
      name: `${instanceName}-20261128-053000`,
      complete: true,
      recipients: ['own'],
    });
    for (const file of allFiles()) {
      expect(statSync(file).mode & 0o077).toBe(0);
      expect(readFileSync(file).includes('the work of a day')).toBe(false);
    }
    expect(store.list()).toEqual([rescue]);
    const { directory } = await open(rescue);
    expect(readFileSync(join(directory, 'app/changes.patch'), 'utf8')).toBe(text);
    expect(statSync(join(directory, 'app/untracked/new/a file')).mode & 0o777).toBe(0o700);
    store.remove(rescue);
    expect(store.list()).toEqual([]);
  });

  it('has a name of its own, and one key for all', async ({ expect }) => {
    const archive = await packTar([{ name: 'summary.json', text: emptySummary }]);
    const names = [(await save(archive)).name, (await save(archive)).name];
    expect(names).toEqual([`${instanceName}-20261128-053000`, `${instanceName}-20261128-053000-2`]);
    expect(readdirSync(join(home, 'keys'))).toEqual(['rescue.agekey']);
    expect(store.list().map(({ name }) => name)).toEqual(names.reverse());
  });

  it('is not there before it is kept, nor after it is given up', async ({ expect }) => {
    const writer = await store.begin({ instanceName, instanceKey, provider, recipients: null });
    await writer.write(Buffer.alloc(300_000, 'plain words '));
    expect(store.list()).toEqual([]);
    for (const file of allFiles()) expect(readFileSync(file).includes('plain words')).toBe(false);
    await writer.discard();
    await writer.discard();
    expect(readdirSync(join(home, 'rescued'))).toEqual([]);
  });

  it('takes away what was left by a process that was killed a day ago', async ({ expect }) => {
    const archive = await packTar([{ name: 'summary.json', text: emptySummary }]);
    await save(archive);
    const [old, young] = [join(home, 'rescued/.partial-old'), join(home, 'rescued/.partial-young')];
    for (const path of [old, young]) mkdirSync(path);
    utimesSync(old, nowMs / 1_000 - 90_000, nowMs / 1_000 - 90_000);
    utimesSync(young, nowMs / 1_000 - 60, nowMs / 1_000 - 60);
    await save(archive);
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });
});

describe('what does not open', () => {
  it('is one that was cut short or changed, and then nothing of it stays', async ({ expect }) => {
    const text = 'x'.repeat(200_000);
    const archive = await packTar([
      { name: 'app/changes.patch', text },
      { name: 'summary.json', text: emptySummary },
    ]);
    const short = await save(archive);
    truncateSync(short.path, short.bytes - 10_000);
    await expect(open(short)).rejects.toMatchObject({ code: 'state' });
    const changed = await save(archive);
    const bytes = readFileSync(changed.path);
    bytes[150_000] = (bytes[150_000] ?? 0) ^ 1;
    writeFileSync(changed.path, bytes);
    await expect(open(changed)).rejects.toMatchObject({ code: 'state' });
    expect(existsSync(join(home, 'out'))).toBe(false);
  });

  it('is one without its key, and the remedy is said', async ({ expect }) => {
    const rescue = await save(await packTar([{ name: 'summary.json', text: emptySummary }]));
    rmSync(join(home, 'keys/rescue.agekey'));
    await expect(open(rescue)).rejects.toMatchObject({ code: 'auth' });
    await save(await packTar([{ name: 'summary.json', text: emptySummary }]));
    await expect(open(rescue)).rejects.toMatchObject({ code: 'auth' });
  });

  it('goes into no folder that has something in it', async ({ expect }) => {
    const rescue = await save(await packTar([{ name: 'summary.json', text: emptySummary }]));
    mkdirSync(join(home, 'out'));
    await open(rescue);
    writeFileSync(join(home, 'out', 'mine'), 'mine');
    await expect(open(rescue)).rejects.toMatchObject({ code: 'conflict' });
    expect(readFileSync(join(home, 'out', 'mine'), 'utf8')).toBe('mine');
  });

  const end = { name: 'summary.json', text: emptySummary };
  const good = { name: 'app/untracked/good', text: 'good' };
  it.for<[string, Parameters<typeof packTar>[0]]>([
    ['a path that climbs', [{ name: 'app/untracked/../../../../evil', text: 'x' }, end]],
    ['a path from the root', [{ name: '/tmp/spuff-evil', text: 'x' }, end]],
    ['a link', [{ name: 'app/untracked/link', type: 'symlink', linkname: '/etc' }, end]],
    [
      'a file through a link',
      [
        { name: 'app/untracked/l', type: 'symlink', linkname: '/tmp' },
        { name: 'app/untracked/l/x', text: 'x' },
        end,
      ],
    ],
    ['a hard link', [{ name: 'app/untracked/link', type: 'link', linkname: '/etc/passwd' }, end]],
    ['a device', [{ name: 'app/untracked/null', type: 'character-device', devmajor: 1, devminor: 3 }, end]],
    ['a pipe', [{ name: 'app/untracked/pipe', type: 'fifo' }, end]],
    ['a folder', [{ name: 'app/untracked/folder', type: 'directory' }, end]],
    ['a repository that git would believe', [{ name: 'app/untracked/.GIT/config', text: 'x' }, end]],
    ['another spelling of one', [{ name: 'app/untracked/.g\u200cit/config', text: 'x' }, end]],
    ['a file of no repository', [{ name: 'README.md', text: 'x' }, end]],
    ['a file that is none of ours', [{ name: 'app/other.patch', text: 'x' }, end]],
    ['a repository with a hidden name', [{ name: '.ssh/untracked/x', text: 'x' }, end]],
    ['something after the end', [end, good]],
    [
      'an end that is something else',
      [{ name: 'summary.json', text: '{"version":1,"repositories":[{"directory":"../x"}]}' }],
    ],
    ['no end', []],
  ])('is one with %s: nothing of it stays', async ([, entries], { expect }) => {
    const rescue = await save(await packTar([good, ...entries]));
    await expect(open(rescue)).rejects.toMatchObject({ code: 'state' });
    expect(existsSync(join(home, 'out'))).toBe(false);
    expect(existsSync('/tmp/spuff-evil')).toBe(false);
  });

  it('is one with a size that is no number, which would never end', async ({ expect }) => {
    const archive = Buffer.from(await packTar([good, end]));
    // The first byte says base 256 and is none of the two that do; the checksum is right again (pax(1), ustar).
    archive[124] = 0xe2;
    archive.fill(' ', 148, 156);
    const sum = archive.subarray(0, 512).reduce((all, byte) => all + byte, 0);
    archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    await expect(open(await save(archive))).rejects.toMatchObject({
      code: 'state',
      message: expect.stringContaining('has a size that is no number'),
    });
    expect(existsSync(join(home, 'out'))).toBe(false);
  });

  it('does not lose a file that has the name of another', async ({ expect }) => {
    const rescue = await save(await packTar([good, { ...good, text: 'other' }, end]));
    const { directory } = await open(rescue);
    expect(readFileSync(join(directory, 'app/untracked/good'), 'utf8')).toBe('good');
    expect(readFileSync(join(directory, 'app/untracked/good~2'), 'utf8')).toBe('other');
  });
});

describe('recipients', () => {
  const makeKey = (...args: string[]) => {
    const path = join(home, `id-${args.join('-')}`);
    execFileSync('ssh-keygen', ['-q', '-N', '', '-f', path, '-t', ...args]);
    return `${path}.pub`;
  };

  it('may be SSH keys of both types, and then spuff has no key for it', async ({ expect }) => {
    const paths = [makeKey('ed25519'), makeKey('rsa', '-b', '2048')];
    const rescue = await save(await packTar([{ name: 'summary.json', text: emptySummary }]), paths);
    expect(rescue.recipients.map((line) => line.split(' ')[0])).toEqual(['ssh-ed25519', 'ssh-rsa']);
    const header = readFileSync(rescue.path, 'latin1').split('\n--- ')[0];
    expect(header).toMatch(
      /^age-encryption\.org\/v1\n-> ssh-ed25519 \S{6} \S{43}\n\S{43}\n-> ssh-rsa \S{6}\n/,
    );
    expect(existsSync(join(home, 'keys/rescue.agekey'))).toBe(false);
    await expect(open(rescue)).rejects.toMatchObject({ code: 'auth' });
  });

  it('are refused where nothing can be encrypted to them', async ({ expect }) => {
    const archive = await packTar([{ name: 'summary.json', text: emptySummary }]);
    const ecdsa = makeKey('ecdsa');
    const wrong = [[ecdsa], [makeKey('rsa', '-b', '1024')], ['age1nonsense'], [ecdsa.replace('.pub', '')]];
    for (const recipients of wrong)
      await expect(save(archive, recipients)).rejects.toMatchObject({ code: 'config' });
    await expect(save(archive, [join(home, 'none.pub')])).rejects.toMatchObject({ code: 'state' });
    expect(store.list()).toEqual([]);
  });
});
