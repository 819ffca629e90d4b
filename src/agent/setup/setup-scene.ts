import type { SetupOrder, SetupRequest } from '../../protocol/setup-schema.ts';
import type { Account } from './accounts.ts';
import type { Command, CommandEnd, RunCommand } from './run-logged.ts';
import type { SetupItem } from './status-board.ts';

/** Where the runner writes; tests give it folders of their own. */
export interface SetupPlaces {
  /** See domain/setup-paths.ts. */
  orderFolder: string;
  envFolder: string;
  stateFolder: string;
  logFolder: string;
  /** Shells read these. */
  profileScript: string;
  bashStart: string;
  preDownHook: string;
  /** The path at which a session lends its SSH agent. */
  lentAgent: string;
  /** See domain/devcontainer.ts: the scripts and settings of the dev container, and what it is lent. */
  devcontainerFolder: string;
  lentToContainer: string;
  /** Of systemd. */
  unitFolder: string;
}

/** What the parts of a setup work with. */
export interface SetupScene {
  order: SetupOrder;
  request: SetupRequest;
  account: Account;
  places: SetupPlaces;
  run: RunCommand;
  sleep: (ms: number) => Promise<void>;
  /** One at a time, by what they would fight over. */
  locks: { apt: Lock; npm: Lock };
}

export type Lock = <T>(work: () => Promise<T>) => Promise<T>;

/** What one part has at hand while it runs. */
export interface PartTools extends SetupScene {
  /** Runs a program with its output in the log of this part, and its last line in the status. */
  exec(command: Command): Promise<CommandEnd>;
  /** The same, for a question: its output is not news. */
  ask(command: Command): Promise<CommandEnd>;
  /** A line for the log of this part. */
  log(line: string): void;
  tell(detail: string): void;
}

export interface PartOutcome {
  state: 'done' | 'failed' | 'skipped';
  /** Already escaped. */
  detail: string | null;
  items?: SetupItem[];
}

export function createLock(): Lock {
  let last: Promise<unknown> = Promise.resolve();
  return async (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
