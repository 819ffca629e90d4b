import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { nowMs, runLine } from '../../../test/fakes/cli-run.ts';
import { packTar } from '../../../test/fakes/pack-tar.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import type { RescueSummary } from '../../domain/rescue.ts';
import { homePaths } from '../../state/home.ts';
import { openRescueStore } from '../../state/rescue-files.ts';
import { jsonShapes } from '../json-shapes.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-rescued-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const run = (argv: readonly string[], more: Parameters<typeof runLine>[1] = {}) =>
  runLine(argv, { home, directory: home, ...more });

const summary: RescueSummary = {
  version: 1,
  repositories: [
    {
      ...{
        directory: 'app',
        path: 'app\u001b[31m`id`',
        kind: 'repository',
        remote: 'https://git.example.com/app.git',
      },
      ...{
        branch: 'main`$(id)`',
        head: 'a'.repeat(40),
        commits: 2,
        stashes: 1,
        hasStaged: true,
        hasChanges: true,
      },
      ...{ inMerge: false, untracked: 1 },
    },
  ],
  leftOut: [
    { repository: 'app', part: 'file', path: 'big\n# x', bytes: 5e7, why: 'too-large', detail: null },
  ],
};

async function save(createdAtMs = nowMs): Promise<string> {
  const { name: instanceName, key: instanceKey, provider } = sampleInstance({});
  const store = openRescueStore(homePaths(home), { now: () => createdAtMs });
  const writer = await store.begin({ instanceName, instanceKey, provider, recipients: null });
  await writer.write(await packTar([{ name: 'summary.json', text: JSON.stringify(summary) }]));
  return (await writer.keep(true)).name;
}

describe('spuff rescued', () => {
  it('lists, the newest first, and says when there is none', async ({ expect }) => {
    expect((await run(['rescued', 'list'])).err).toContain('there is no rescue');
    const names = [await save(nowMs - 7_200_000), await save()];
    const { out } = await run(['rescued', 'list']);
    expect(
      out
        .split('\n')
        .slice(1, 3)
        .map((line) => line.split(' ')[0]),
    ).toEqual(names.reverse());
    expect(out).toMatch(/2h ago .* all of it {2}spuff's own key/);
    const json: unknown = JSON.parse((await run(['rescued', 'list', '--json'])).out);
    expect(jsonShapes.rescues.schema.safeParse(json).success).toBe(true);
  });

  it('opens the newest of an instance, and no command in its README is made of what the machine says', async ({
    expect,
  }) => {
    await save(nowMs - 7_200_000);
    const name = await save();
    const { out, err, status } = await run(['rescued', 'open', 'demo']);
    expect({ status, out }).toEqual({ status: 0, out: `${join(home, name)}\n` });
    expect(err).toContain('~/app\\x1b[31m`id`');
    const readme = readFileSync(join(home, name, 'README.md'), 'utf8');
    const commands = (readme.match(/```sh\n.*?```/gs) ?? []).join('');
    expect(commands).not.toContain('id');
    expect(readme).toContain("`main'$(id)'`");
    expect(readme).toContain('app: big\\n# x (50.0 MB: too large)');
    const again = await run(['rescued', 'open', name, '--json', '--to', 'other']);
    expect(jsonShapes['rescue-opened'].schema.safeParse(JSON.parse(again.out)).success).toBe(true);
  });

  it('names what there is, where one is not', async ({ expect }) => {
    const name = await save();
    expect(await run(['rescued', 'open', 'other'])).toMatchObject({
      status: 4,
      err: expect.stringContaining(name),
    });
    // By its whole name alone.
    expect(await run(['rescued', 'rm', 'demo'])).toMatchObject({ status: 4 });
  });

  it('deletes what is named, and all of them only with consent', async ({ expect }) => {
    const [one, other] = [await save(nowMs - 7_200_000), await save()];
    const left = async () =>
      (JSON.parse((await run(['rescued', 'list', '--json'])).out) as { rescues: unknown[] }).rescues.length;
    expect((await run(['rescued', 'rm'])).status).toBe(2);
    expect((await run(['rescued', 'rm', '--all'])).status).toBe(2);
    const terminals = { out: true, err: true, input: true };
    const no = await run(['rescued', 'rm', '--all'], {
      terminals,
      questions: { confirm: async () => false },
    });
    expect([no.status, await left()]).toEqual([130, 2]);
    expect((await run(['rescued', 'rm', one ?? ''])).status).toBe(0);
    expect(await left()).toBe(1);
    const gone = JSON.parse((await run(['rescued', 'rm', '--all', '--force', '--json'])).out) as {
      rescues: { name: string }[];
    };
    expect(gone.rescues.map(({ name }) => name)).toEqual([other]);
    expect(await left()).toBe(0);
  });
});

describe('spuff rescue', () => {
  it.for(['x', '10X', '-1', '9999G'])('takes no %j for a size', async (size, { expect }) => {
    expect(await run(['rescue', 'demo', `--max-file=${size}`])).toMatchObject({
      status: 2,
      err: expect.stringContaining('--max-file'),
    });
  });
});
