import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleReceipt } from '../../test/fakes/sample-receipt.ts';
import type { InstanceKey } from '../domain/ids.ts';
import { loadDatabaseClass } from '../lib/sqlite.ts';
import { openStateLazily } from './lazy-state-store.ts';
import { checkState, recoverState } from './recover-state.ts';
import { openStateStore } from './state-store.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-receipts-'));
  path = join(directory, 'state.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

it('keeps a receipt as it was, also when its instance is forgotten, and one for each machine', () => {
  const instance = sampleInstance();
  const receipt = sampleReceipt({
    key: instance.key,
    endedAt: null,
    snapshot: 'kept',
    tariff: {
      hourly: { amount: '0.01', currency: 'EUR', basis: 'net' },
      granularity: 'hour',
      minSeconds: 3_600,
    },
  });
  const store = openStateStore({ path });
  store.insertInstance(instance);
  expect(store.addReceipt(receipt)).toBe(true);
  store.deleteInstance(instance.key);
  expect(store.addReceipt({ ...receipt, by: 'down' })).toBe(false);
  store.close();
  const again = openStateStore({ path });
  expect(again.listReceipts()).toEqual([receipt]);
  again.close();
});

it('lists them in the order they were written, and none where there is no state', () => {
  const lazy = openStateLazily({ path });
  expect(lazy.listReceipts()).toEqual([]);
  let nowMs = 5;
  const store = openStateStore({ path, now: () => nowMs++ });
  for (const last of ['9', '1', '5'])
    store.addReceipt(sampleReceipt({ key: `01k0000000000000000000000${last}` as InstanceKey }));
  expect(store.listReceipts().map(({ key }) => key.at(-1))).toEqual(['9', '1', '5']);
  store.close();
  lazy.close();
});

it('brings a state of the first format up to date, with all that is in it', () => {
  const store = openStateStore({ path });
  store.insertInstance(sampleInstance());
  store.close();
  const db = new (loadDatabaseClass())(path);
  db.exec('DROP TABLE receipts; PRAGMA user_version = 1');
  db.close();
  const newer = openStateStore({ path });
  expect(newer.listInstances()).toHaveLength(1);
  expect(newer.addReceipt(sampleReceipt())).toBe(true);
  newer.close();
});

it('saves receipts from a damaged state, but for those that are damaged themselves', () => {
  const store = openStateStore({ path });
  store.insertInstance(sampleInstance());
  store.addReceipt(sampleReceipt());
  store.close();
  const db = new (loadDatabaseClass())(path);
  db.exec(`UPDATE instances SET doc = '{'; INSERT INTO receipts VALUES ('x', 1, '{"key":"x"}')`);
  db.close();
  expect(checkState(path)).not.toBeNull();
  recoverState(path);
  const saved = openStateStore({ path });
  expect(saved.listReceipts()).toEqual([sampleReceipt()]);
  saved.close();
});
