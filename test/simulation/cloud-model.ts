/** What the simulation needs of a cloud besides its API: to look behind it, and to do what no request does. */
import type { Provider } from '../../src/domain/provider.ts';
import type { SimProcess } from './host.ts';
import type { Weather } from './line.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface World {
  time: VirtualTime;
  random: Random;
  weather: Weather;
  /** Called after each request that a cloud has acted on. */
  onDone: (process: SimProcess) => Promise<void> | void;
}

/** A machine as it is, whatever lists show of it. One whose end has been accepted is none. */
export interface TrueMachine {
  id: string;
  /** `spuff-<key>` for those of spuff's. */
  name: string;
}

export interface CloudModel {
  readonly id: string;
  /** The provider as a new process has it, with a line of its own. */
  open(process: SimProcess): Provider;
  machines(): TrueMachine[];
  /** From inside. */
  powerOff(id: string): Promise<void>;
  /** Through the cloud, as its console does it. */
  stop(id: string): Promise<unknown>;
  start(id: string): Promise<unknown>;
  remove(id: string): Promise<void>;
  /**
   * Machines that are not spuff's: one of that name without labels, one with spuff's mark and without a key, and one whose
   * key is not well formed, each with a deadline that is over where it can bear one.
   */
  plantForeign(): Promise<void>;
  /** How long a fresh machine is missing from lists. */
  setListLag(seconds: number): void;
}

export type ModelName = (typeof modelNames)[number];
export const modelNames = ['digitalocean', 'hetzner', 'aws', 'local'] as const;

/** A name and a key that look like spuff's and are not. */
export const foreign = {
  names: ['spuff-in-name-only', 'spuff-01k0000000000000000000000', 'web-01'],
  brokenKey: '01K0NOTAKEY',
} as const;
