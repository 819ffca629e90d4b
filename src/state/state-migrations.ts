/**
 * The format of state.db, as the steps that lead to it: number n (from 1) takes a database of format n-1 to n. A step that
 * was ever released is never changed; a new one is added at the end.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE instances (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    provider TEXT NOT NULL,
    phase TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;

  CREATE TABLE operations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner_host TEXT NOT NULL,
    owner_boot TEXT NOT NULL,
    owner_pid INTEGER NOT NULL,
    owner_started TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    touched_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER,
    outcome TEXT
  ) STRICT;
  CREATE UNIQUE INDEX operations_open ON operations (key) WHERE ended_at_ms IS NULL;
  CREATE INDEX operations_key ON operations (key);

  CREATE TABLE steps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    operation_id INTEGER NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    output TEXT,
    at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX steps_operation ON steps (operation_id);
  `,
  `
  CREATE TABLE receipts (
    key TEXT PRIMARY KEY,
    written_at_ms INTEGER NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;
  `,
];
