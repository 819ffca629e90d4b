import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Counted, countWork } from './count-work.ts';

const one = (pid: number, change: Partial<Counted> = {}): Counted => ({
  ...{ pid, parentPid: 10, startedAtTicks: pid, cpuTicks: 0, childTicks: 0, kind: 'user' as const },
  ...change,
});
const look = (...processes: Counted[]) => new Map(processes.map((process) => [process.pid, process]));
const total = (before: Map<number, Counted>, after: Map<number, Counted>) =>
  countWork(before, after).reduce((sum, { ticks }) => sum + ticks, 0);

describe('countWork', () => {
  it('counts a process that is new from its beginning', () => {
    expect(total(look(), look(one(20, { cpuTicks: 7 })))).toBe(7);
    const reused = look(one(20, { cpuTicks: 7, startedAtTicks: 99 }));
    expect(total(look(one(20, { cpuTicks: 500 })), reused)).toBe(7);
  });

  it('counts children that came and went between two looks', () => {
    expect(total(look(one(20)), look(one(20, { childTicks: 300 })))).toBe(300);
  });

  it('counts nothing twice when a child ends', () => {
    const before = look(one(20), one(21, { parentPid: 20, cpuTicks: 400 }));
    expect(total(before, look(one(20, { childTicks: 405 })))).toBe(5);
  });

  it('gives what ended under sshd to the user, and what process 1 took over to nobody', () => {
    const before = look(one(1, { kind: 'system' }), one(20, { kind: 'session' }));
    const after = look(
      one(1, { kind: 'system', childTicks: 900 }),
      one(20, { kind: 'session', childTicks: 30 }),
    );
    expect(countWork(before, after)).toEqual([{ pid: 20, kind: 'user', ticks: 30 }]);
  });

  it('is exact for any tree whose parents wait for their children', () => {
    const step = fc.record({
      pick: fc.nat(),
      what: fc.constantFrom('work', 'fork', 'exit'),
      ticks: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.array(step, { maxLength: 30 }), (first, second) => {
        const processes = look(one(10, { parentPid: 0 }));
        let nextPid = 11;
        let used = 0;
        const live = (steps: typeof first) => {
          for (const { pick, what, ticks } of steps) {
            const all = [...processes.values()];
            const chosen = all[pick % all.length] as Counted;
            const isLeaf = !all.some(({ parentPid }) => parentPid === chosen.pid);
            if (what === 'work') {
              chosen.cpuTicks += ticks;
              used += ticks;
            } else if (what === 'fork') processes.set(nextPid, one(nextPid++, { parentPid: chosen.pid }));
            else if (isLeaf && chosen.pid !== 10) {
              const parent = processes.get(chosen.parentPid) as Counted;
              parent.childTicks += chosen.cpuTicks + chosen.childTicks;
              processes.delete(chosen.pid);
            }
          }
        };
        live(first);
        const before = look(...[...processes.values()].map((process) => ({ ...process })));
        used = 0;
        live(second);
        expect(total(before, processes)).toBe(used);
      }),
    );
  });
});
