/**
 * Runs `up` and kills its own process with SIGKILL at one point of the journal. Arguments: SPUFF_HOME, the instance's
 * name, a step (or `reserve`), a status, and whether it dies `before` or `after` that is on disk.
 */
import { join } from 'node:path';
import { upInstance } from '../../src/app/up.ts';
import type { StateStore } from '../../src/domain/state.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { makeAppContext } from './app-context.ts';

const [home = '', name = '', step = '', status = '', moment = ''] = process.argv.slice(2);
const store = openStateStore({ path: join(home, 'state.db') });

const deadly = Object.create(store, {
  // The first transaction is the intent.
  transact: {
    value: <T>(work: () => T): T => {
      const result = store.transact(work);
      if (step === 'reserve') die();
      return result;
    },
  },
  recordStep: {
    value: (...given: Parameters<StateStore['recordStep']>) => {
      const here = given[1].name === step && given[1].status === status;
      if (here && moment === 'before') die();
      store.recordStep(...given);
      if (here) die();
    },
  },
}) as StateStore;

/** Does not return: the signal ends the process before the next line runs. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}

// Methods of the real store need the real store as `this`.
const state = new Proxy(deadly, {
  get: (target, key) => {
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' && !Object.hasOwn(target, key) ? value.bind(store) : value;
  },
});

await upInstance(makeAppContext(home, state), { name });
