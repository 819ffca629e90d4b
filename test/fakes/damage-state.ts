import { loadDatabaseClass } from '../../src/lib/sqlite.ts';

/** Makes the record of one instance unreadable; its machine and its journal are as they were. */
export function damageInstance(path: string, name: string): void {
  const db = new (loadDatabaseClass())(path);
  db.prepare("UPDATE instances SET doc = 'x' WHERE name = ?").run(name);
  db.close();
}
