/** S3 for work that is saved from a machine: it is nowhere on this computer as it is, while it comes and after, however it ends. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest';
import { collectWork } from '../../src/agent/collect-work.ts';
import { defaultRescueLimits, type RescueWriter } from '../../src/domain/rescue.ts';
import { homePaths } from '../../src/state/home.ts';
import { openRescueStore } from '../../src/state/rescue-files.ts';
import { sampleInstance } from '../fakes/sample-instance.ts';
import { makeWork } from '../fakes/work-home.ts';

const mark = 'MARK-OF-WORK-THAT-IS-SECRET';
const repository = 'deep er';
let base: string;
let machine: string;
let here: string;
let umask: number;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'spuff-s3-rescue-'));
  machine = join(base, 'machine');
  makeWork(join(machine, 'home'), join(machine, 'far'), mark);
  umask = process.umask(0);
});
afterAll(() => {
  process.umask(umask);
  rmSync(base, { recursive: true, force: true });
});

beforeEach(() => {
  here = mkdtempSync(join(base, 'here-'));
  process.env['TMPDIR'] = here;
});

/** Files below the home, and where temporary ones would be, that show anything of the work, or are open to others. */
function findLeaks(): string[] {
  const entries = readdirSync(here, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const isOpen = (statSync(path).mode & 0o077) !== 0;
    const shows = entry.isFile() && [mark, repository].some((text) => readFileSync(path).includes(text));
    return isOpen || shows || entry.name.includes(repository) ? [path] : [];
  });
}

async function receive(
  end: (writer: RescueWriter) => Promise<unknown>,
): Promise<{ leaks: string[]; files: string[] }> {
  const store = openRescueStore(homePaths(join(here, 'home')), { now: () => Date.UTC(2026, 10, 28) });
  const { name: instanceName, key: instanceKey, provider } = sampleInstance({});
  const writer = await store.begin({ instanceName, instanceKey, provider, recipients: null });
  const leaks: string[] = [];
  const limits = defaultRescueLimits;
  await collectWork({ home: join(machine, 'home'), temporary: machine, limits }, async (chunk) => {
    await writer.write(chunk);
    leaks.push(...findLeaks());
  });
  await end(writer);
  leaks.push(...findLeaks());
  const files = readdirSync(here, { recursive: true, encoding: 'utf8' });
  return { leaks, files: files.filter((name) => name.endsWith('.age')) };
}

describe('work that is saved', () => {
  it('is encrypted from its first byte, and its repositories are named nowhere', async ({ expect }) => {
    const { leaks, files } = await receive((writer) => writer.keep(true));
    expect(leaks).toEqual([]);
    expect(files).toEqual(['home/rescued/demo-20261128-000000/work.tar.age']);
  });

  it('leaves nothing when it is given up', async ({ expect }) => {
    const { leaks, files } = await receive((writer) => writer.discard());
    expect(leaks).toEqual([]);
    expect(files).toEqual([]);
  });
});
