import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryAudit } from '../../test/fakes/memory-audit.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleReceipt } from '../../test/fakes/sample-receipt.ts';
import type { StateStore } from '../domain/state.ts';
import { openStateStore } from './state-store.ts';

let directory: string;
let store: StateStore;
let audit: MemoryAudit;
const demo = sampleInstance();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-watch-'));
  audit = new MemoryAudit();
  store = openStateStore({ path: join(directory, 'state.db'), audit });
  store.insertInstance(demo);
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

describe('the local log hears', () => {
  it('that a lease has another end, and that the machine has it', () => {
    const until = new Date(Date.UTC(2026, 10, 25));
    store.updateInstance(demo.key, { expiresAt: until });
    store.updateInstance(demo.key, { expiresAt: until, readyAt: until });
    store.updateInstance(demo.key, { agent: demo.agent });
    store.updateInstance(demo.key, { expiresAt: null });
    const of = { instanceKey: demo.key, instanceName: 'demo' };
    expect(audit.entries).toEqual([
      { kind: 'deadline', details: { ...of, event: 'moved', until: until.toISOString() } },
      { kind: 'deadline', details: { ...of, event: 'armed', until: until.toISOString() } },
      { kind: 'deadline', details: { ...of, event: 'moved', until: null } },
    ]);
  });

  it('that a machine is gone, once, and when all of it is on the disk', () => {
    const receipt = sampleReceipt();
    store.transact(() => {
      store.addReceipt(receipt);
      store.addReceipt(receipt);
      expect(audit.entries).toEqual([]);
    });
    expect(audit.entries).toMatchObject([
      { kind: 'end', details: { instanceKey: receipt.key, why: receipt.why } },
    ]);
  });

  it('nothing of what was taken back', () => {
    const failing = () =>
      store.transact(() => {
        store.updateInstance(demo.key, { expiresAt: null });
        throw new TypeError('no');
      });
    expect(failing).toThrow('no');
    store.updateInstance(demo.key, { readyAt: null });
    expect(audit.entries).toEqual([]);
  });
});
