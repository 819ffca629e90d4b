import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fakeIncidentPorts } from '../../test/fakes/incident-ports.ts';
import { runSteps } from '../../test/fakes/incident-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Leftover } from '../domain/provider.ts';
import type { AppContext } from './context.ts';
import { tokenSteps } from './respond-to-token.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-incident-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('one removal that fails stops no other, and each is reported', async () => {
  const there = new Set(['11', '22', '33']);
  const provider = {
    id: 'fake',
    async *list() {
      yield* [];
    },
    async *leftovers() {
      for (const id of there) yield { kind: 'firewall', id, name: `wall-${id}`, key: null, billed: false };
    },
    removeLeftover: async ({ id }: Leftover) => {
      if (id === '22')
        throw new SpuffError('conflict', 'wall-22 is in use', { hints: ['free it at the page'] });
      there.delete(id);
    },
  };
  const state = new MemoryState();
  const context = {
    signal: new AbortController().signal,
    runtime: { now: () => Date.UTC(2026, 10, 28) },
    state: async () => state,
    provider: async () => provider,
  } as unknown as AppContext;
  const ports = fakeIncidentPorts(directory, { mayDestroy: async () => true });
  const result = await runSteps(context, ports, tokenSteps({ snapshot: false }), {
    ...{ kind: 'api-token', subject: 'fake', facts: {}, names: ['destroyed'] },
  });
  expect([...there]).toEqual(['22']);
  expect(result.state('destroyed')).toBe('failed');
  expect(result.todo('destroyed')).toContain('free it at the page');
  const said = result.said('destroyed');
  expect(said).toContain('could not be destroyed: firewall wall-22 (22): wall-22 is in use');
  for (const id of ['11', '33']) expect(said).toContain(`seen to be gone: firewall wall-${id}`);
  expect(said).toContain('failed: 1 of 3 unknown things');
});
