import type { ProcessStat } from './proc-files.ts';
import type { ProcessKind } from './process-kind.ts';

/** What one look says of the CPU time of one process. */
export interface Counted
  extends Pick<ProcessStat, 'pid' | 'parentPid' | 'startedAtTicks' | 'cpuTicks' | 'childTicks'> {
  kind: ProcessKind;
}

export interface Work {
  pid: number;
  kind: ProcessKind;
  ticks: number;
}

/**
 * The CPU time that each process used between two looks, with that of its children which came and went meanwhile: a build
 * is mostly those. Pure.
 *
 * A child that has ended puts its whole life on its parent's account. What of it lay before the first look is taken off
 * again, up to the nearest ancestor that is still there; what process 1 inherits is nobody's.
 */
export function countWork(before: ReadonlyMap<number, Counted>, after: ReadonlyMap<number, Counted>): Work[] {
  const counted = inheritedTicks(before, after);
  const work: Work[] = [];
  for (const one of after.values()) {
    const earlier = before.get(one.pid);
    const isSame = earlier?.startedAtTicks === one.startedAtTicks;
    const own = one.cpuTicks - (isSame ? earlier.cpuTicks : 0);
    const children = one.childTicks - (isSame ? earlier.childTicks : 0) - (counted.get(one.pid) ?? 0);
    if (own > 0) work.push({ pid: one.pid, kind: one.kind, ticks: own });
    const heir = kindOfChildren(one);
    if (children > 0 && heir !== null) work.push({ pid: one.pid, kind: heir, ticks: children });
  }
  return work;
}

/** sshd's children are the user's programs; process 1 takes over whoever's parent has gone. */
function kindOfChildren({ pid, kind }: Counted): ProcessKind | null {
  if (pid === 1) return null;
  return kind === 'session' ? 'user' : kind;
}

/** By process, what it has on its account for children that were counted at the look before. */
function inheritedTicks(
  before: ReadonlyMap<number, Counted>,
  after: ReadonlyMap<number, Counted>,
): Map<number, number> {
  const isThere = (pid: number) => {
    const now = after.get(pid);
    return now !== undefined && now.startedAtTicks === before.get(pid)?.startedAtTicks;
  };
  const inherited = new Map<number, number>();
  for (const gone of before.values()) {
    if (isThere(gone.pid)) continue;
    let heir = gone.parentPid;
    // Bounded: two looks at a changing list of processes may show a circle.
    for (let step = 0; step < 64 && heir > 1 && !isThere(heir); step++)
      heir = before.get(heir)?.parentPid ?? 0;
    if (isThere(heir)) inherited.set(heir, (inherited.get(heir) ?? 0) + gone.cpuTicks + gone.childTicks);
  }
  return inherited;
}
