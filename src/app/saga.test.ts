import { describe, expect, it } from 'vitest';
import { SpuffError } from '../domain/errors.ts';
import { makeInstanceKey } from '../domain/ids.ts';
import { silentProgress } from '../domain/progress.ts';
import type { Operation, StepRecord } from '../domain/state.ts';
import { runSaga, type Saga, type Step, UndoError } from './saga.ts';

/** What the world looks like: the things that steps have made and not removed. */
type World = Set<string>;

function makeStep(name: string, faults: { run?: 'before' | 'after'; undo?: boolean } = {}): Step<World> {
  return {
    name,
    title: `${name} made`,
    async run(world) {
      if (faults.run === 'before') throw new SpuffError('provider', `${name} refused`);
      world.add(name);
      if (faults.run === 'after') throw new SpuffError('provider', `${name} failed`);
    },
    async undo(world) {
      if (faults.undo) throw new Error(`${name} is stuck`);
      world.delete(name);
    },
  };
}

function makeSaga(steps: Step<World>[], world: World, records: StepRecord[] = []): Saga<World> {
  const operation: Operation = {
    id: 1,
    kind: 'up',
    key: makeInstanceKey(0, new Uint8Array(10)),
    owner: { host: 'h', bootId: 'b', pid: 1, startedAt: '1' },
    startedAt: new Date(0),
    steps: [...records],
  };
  const journal = {
    recordStep: (_id: number, step: Pick<StepRecord, 'name' | 'status'>) =>
      void records.push({ output: null, at: new Date(0), ...step }),
  };
  return { steps, run: world, operation, journal, progress: silentProgress };
}

const names = ['a', 'b', 'c', 'd'];

describe('runSaga', () => {
  it('runs the steps in order and records each before and after', async () => {
    const records: StepRecord[] = [];
    const world: World = new Set();
    await runSaga(makeSaga([makeStep('a'), makeStep('b')], world, records));
    expect([...world]).toEqual(['a', 'b']);
    expect(records.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'a started',
      'a done',
      'b started',
      'b done',
    ]);
  });

  describe.each(['before', 'after'] as const)('a step that fails %s its effect', (when) => {
    it.each(names)('leaves nothing behind: %s', async (failing) => {
      const world: World = new Set();
      const steps = names.map((name) => makeStep(name, name === failing ? { run: when } : {}));
      await expect(runSaga(makeSaga(steps, world))).rejects.toThrow(failing);
      expect(world).toEqual(new Set());
    });
  });

  it('says what could not be undone, and undoes the rest', async () => {
    const world: World = new Set();
    const steps = [makeStep('a'), makeStep('b', { undo: true }), makeStep('c', { run: 'before' })];
    const error = await runSaga(makeSaga(steps, world)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UndoError);
    expect(error).toMatchObject({ code: 'provider', leftBehind: ['b made: b is stuck'] });
    expect(world).toEqual(new Set(['b']));
  });

  describe.each(['before', 'after'] as const)('a process that is killed %s the effect of a step', (when) => {
    it.each(names)('is gone on with by the next one: %s', async (killedAt) => {
      const world: World = new Set();
      const records: StepRecord[] = [];
      const never = new Promise<void>(() => undefined);
      let reached: () => void = () => undefined;
      const dead = new Promise<void>((resolve) => {
        reached = resolve;
      });
      const deadly: Step<World> = {
        ...makeStep(killedAt),
        async run(target) {
          if (when === 'after') target.add(killedAt);
          reached();
          await never;
        },
      };
      void runSaga(
        makeSaga(
          names.map((name) => (name === killedAt ? deadly : makeStep(name))),
          world,
          records,
        ),
      );
      await dead;

      const ran: string[] = [];
      const watched = names.map((name) => ({
        ...makeStep(name),
        run: async (target: World) => {
          ran.push(name);
          target.add(name);
        },
      }));
      await runSaga(makeSaga(watched, world, records));
      expect(world).toEqual(new Set(names));
      expect(ran).toEqual(names.slice(names.indexOf(killedAt)));
    });

    it.each(names)('can be undone by the next one, when that one fails: %s', async (killedAt) => {
      const world: World = new Set(names.slice(0, names.indexOf(killedAt) + (when === 'after' ? 1 : 0)));
      const records: StepRecord[] = [...world].map((name) => ({
        name,
        status: 'done',
        output: null,
        at: new Date(0),
      }));
      records.push({ name: killedAt, status: 'started', output: null, at: new Date(0) });
      const steps = names.map((name) => makeStep(name, name === killedAt ? { run: 'before' } : {}));
      await expect(runSaga(makeSaga(steps, world, records))).rejects.toThrow(SpuffError);
      expect(world).toEqual(new Set());
    });
  });

  it('undoes also when the journal can no longer be written', async () => {
    const world: World = new Set();
    const saga = makeSaga([makeStep('a'), makeStep('b', { run: 'after' })], world);
    let writes = 0;
    const full = () => {
      writes += 1;
      if (writes > 3) throw new SpuffError('state', 'the disk is full');
    };
    await expect(runSaga({ ...saga, journal: { recordStep: full } })).rejects.toThrow(SpuffError);
    expect(world).toEqual(new Set());
  });
});
