/** Decides which files go to a machine. Pure: a file that was changed there is never among them but by `force`. */
import type { FileSign, SyncedFile } from '../domain/sync.ts';

interface Sides {
  here: ReadonlyMap<string, { sign: FileSign }>;
  there: ReadonlyMap<string, { sign: FileSign }>;
  record: ReadonlyMap<string, SyncedFile>;
  /** Whether something is at a path here that does not go to the machine (any more), as what git ignores. */
  staysHere: (path: string) => boolean;
}

export interface UpPlan {
  send: string[];
  /** On both sides, and not known to be the same: what is in them decides. */
  compare: string[];
  remove: string[];
  /** Gone here, and changed there since they were sent. */
  goneHere: string[];
  /** Changed there alone: they stay as they are. */
  ahead: string[];
  /** What is known of the files that nothing is to be done for. */
  settled: Map<string, SyncedFile>;
}

export function planUpload({ here, there, record, staysHere }: Sides): UpPlan {
  const plan: UpPlan = { send: [], compare: [], remove: [], goneHere: [], ahead: [], settled: new Map() };
  for (const [path, { sign }] of here) {
    const known = record.get(path);
    const sees = there.get(path)?.sign;
    const changedHere = known?.here !== sign;
    const changedThere = known?.there !== sees;
    if (sees === sign) plan.settled.set(path, { here: sign, there: sees });
    else if (known && !changedHere) {
      plan.settled.set(path, known);
      if (changedThere) plan.ahead.push(path);
    } else if (changedThere && sees !== undefined) plan.compare.push(path);
    else plan.send.push(path);
  }
  for (const [path, known] of record) {
    const sees = there.get(path)?.sign;
    if (here.has(path) || sees === undefined || staysHere(path)) continue;
    if (sees === known.there) plan.remove.push(path);
    else plan.goneHere.push(path);
  }
  return plan;
}
