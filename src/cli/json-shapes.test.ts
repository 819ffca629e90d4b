import { describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import type { Image, SnapshotInfo } from '../domain/provider.ts';
import { responseSchemas } from '../protocol/response-schemas.ts';
import { jsonPage } from './json-page.ts';
import { type JsonShapeName, jsonShapes } from './json-shapes.ts';
import { loadAllCommands } from './registry.ts';

const snapshot: SnapshotInfo = {
  id: 'sha256:1',
  name: 'before',
  key: sampleInstance().key,
  instanceName: 'demo',
  createdAt: new Date(0),
  sizeBytes: 5,
  region: null,
  billed: false,
};
const image: Image = {
  ref: { kind: 'slug', slug: 'debian-12' },
  name: 'debian-12',
  os: 'Debian 12',
  arch: 'x86_64',
  sizeBytes: null,
  createdAt: new Date(0),
  deprecatedAfter: null,
};
const provider: NonNullable<FakeRun['provider']> = {
  snapshots: {
    create: async () => snapshot,
    async *list() {
      yield { ...snapshot, name: 'after' };
    },
    delete: async () => undefined,
  },
  images: {
    build: async () => ({ image, cached: false }),
    list: async () => [image],
    remove: async () => undefined,
  },
  get: async () => null,
};

const lines: readonly [JsonShapeName, readonly string[]][] = [
  ['instances', ['ls']],
  ['snapshots', ['snapshot', 'list']],
  ['snapshots', ['snapshot', 'create', 'demo', '--as', 'before']],
  ['images', ['image', 'list']],
  ['images', ['image', 'build']],
  ['version', ['version']],
  ['status', ['status', 'half']],
  ['guard-status', ['guard', 'status']],
  ['guard-log', ['guard', 'log']],
  ['local-log', ['log']],
  ['policy', ['policy', 'show']],
  ['log-verification', ['log', 'verify']],
];

describe('--json', () => {
  it.each(lines)('prints the shape %s for %j', async (name, argv) => {
    const state = new MemoryState([
      sampleInstance(),
      sampleInstance({ name: 'half', phase: 'creating', readyAt: null }),
    ]);
    const { out, status } = await runLine([...argv, '--json'], { state, provider });
    expect(status).toBe(0);
    expect(out.endsWith('\n') && out.split('\n').length === 2).toBe(true);
    expect(jsonShapes[name].schema.safeParse(JSON.parse(out))).toMatchObject({ success: true });
  });

  it.each([
    ['one', ['status', 'nobody']],
    ['several', ['snapshot', 'delete', 'one', 'two']],
    ['none', ['lsx']],
  ])('prints errors of %s in the shape error', async (_name, argv) => {
    const { out, err } = await runLine([...argv, '--json'], { provider });
    expect(out).toBe('');
    expect(jsonShapes.error.schema.safeParse(JSON.parse(err))).toMatchObject({ success: true });
  });

  it('is documented for every command that has it', async () => {
    for (const command of await loadAllCommands()) {
      if (command.json !== undefined) expect(Object.keys(jsonShapes)).toContain(command.json);
    }
  });
});

describe('docs/json.md', () => {
  // `npx vitest run src/cli/json-shapes.test.ts -u` writes it anew.
  it('is what the shapes say', async () => {
    const { status, metrics, processes, cloudInit, activity, execLog } = responseSchemas;
    const page = jsonPage({ status, metrics, processes, cloudInit, activity, execLog });
    await expect(page).toMatchFileSnapshot('../../docs/json.md');
  });
});
