/** What the tests of a cloud's provider need of the simulator under it, whichever cloud it is. */
import type { Provider, Runtime, Vm } from '../../src/domain/provider.ts';
import type { SimRequest, SimServer } from '../simulators/sim-server.ts';
import type { ConformanceHarness } from './provider-conformance.ts';

/** The other end of the line: to look at, to fill and to break. */
export interface SimulatedCloud {
  /** How long a fresh machine is missing from lists. */
  listLagSeconds: number;
  /** Regions that have no room for another machine. */
  fullRegions: string[];
  /** The next machine is accepted, and fails or vanishes before it runs. */
  failNextPlacement: boolean;
  /** The most machines that the account may have. */
  machineLimit: number;
  /** Scopes or permissions that the token lacks, in the cloud's words. */
  missingScopes: string[];
  /** Ids of all machines that exist. */
  machineIds(): string[];
  /** Makes a machine that is not spuff's, of this name and without its labels; gives its id. */
  plantForeign(name: string): Promise<string>;
  /** Makes so many machines that bear spuff's labels, each with a key of its own. */
  plantOurs(count: number): Promise<void>;
  /** All that exists and costs money or bears spuff's mark, by kind: ids. Kinds without any are left out. */
  inventory(): Readonly<Record<string, readonly string[]>>;
  /** Takes everything away. */
  clear(): Promise<void>;
}

export interface CloudHarness extends ConformanceHarness {
  sim: SimServer;
  cloud: SimulatedCloud;
  /** Scopes or permissions, in the cloud's words, that the simulator can take away and `checkAccess` must then name. */
  scopes: readonly [string, ...string[]];
  /** Has it switched on again through the cloud, as its console does. */
  startAgain(vm: Vm): Promise<void>;
  /** The sleeps of the provider's clock so far, in ms. */
  sleeps(): readonly number[];
  /** Whether a request is the one that makes a machine. */
  isCreate(request: SimRequest): boolean;
  /** The provider with a token that the cloud does not know. */
  openWithWrongToken(): Provider;
  /** The same provider as a new process would have it: with nothing in memory, and perhaps with a clock of its own. */
  reopen(runtime?: Runtime): Provider;
}
