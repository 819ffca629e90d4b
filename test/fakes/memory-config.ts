import type { ConfigKey, ConfigStore } from '../../src/app/config-store.ts';
import { SpuffError } from '../../src/domain/errors.ts';

/** The settings in memory; a value that holds `bad` won't do. */
export class MemoryConfig implements ConfigStore {
  readonly path = '/home/someone/.spuff/config.yaml';
  readonly keys: readonly ConfigKey[] = [
    { name: 'provider', about: 'Where machines are made.', default: 'fake' },
    { name: 'user', about: 'Who you are.', default: 'dev' },
    { name: 'size', about: 'How large.', default: null },
    { name: 'forward_agent', about: 'What is lent.', default: 'guard', choices: ['guard', 'none', 'raw'] },
    { name: 'idle_timeout', about: 'Off after.', default: '2h' },
    { name: 'max_lifetime', about: 'Gone after.', default: '1d' },
  ];
  readonly #values: Map<string, string>;
  hasFile = false;

  /** @param written what the file says before anything is changed */
  constructor(written: Readonly<Record<string, string>> = {}) {
    this.#values = new Map(Object.entries(written));
  }

  read(): ReadonlyMap<string, string> {
    return this.#values;
  }

  places(): ReadonlyMap<string, { line: number; column: number }> {
    return new Map(
      [...this.#values.keys()].map((key, at) => [key, { line: at + 1, column: key.length + 3 }]),
    );
  }

  set(values: Readonly<Record<string, string>>): void {
    for (const [key, value] of Object.entries(values)) {
      if (!this.keys.some(({ name }) => name === key))
        throw new SpuffError('config', `there is no setting "${key}"`);
      if (value.includes('bad')) throw new SpuffError('config', `${key}: "${value}" will not do`);
      this.#values.set(key, value);
    }
  }

  unset(key: string): boolean {
    return this.#values.delete(key);
  }

  ensureFile(): void {
    this.hasFile = true;
  }
}
