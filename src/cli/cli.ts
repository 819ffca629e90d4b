import type { ConfigStore } from '../app/config-store.ts';
import type { AppContext } from '../app/context.ts';
import type { HomeCare } from '../app/doctor.ts';
import type { TimerHost } from '../app/reaper-timer.ts';
import type { IncidentPages } from '../app/run-incident.ts';
import type { SpuffError } from '../domain/errors.ts';
import type { IncidentStore } from '../domain/incident.ts';
import type { OwnKeyStore } from '../domain/own-key.ts';
import type { Questions } from './ask.ts';
import type { GlobalFlags } from './global-flags.ts';
import type { Paint, Terminal } from './render/terminal.ts';

/** What a command works with, besides its own input. */
export interface Cli {
  readonly context: AppContext;
  readonly services: CliServices;
  readonly terminal: Terminal;
  readonly flags: GlobalFlags;
  /** For results. */
  readonly paint: Paint;
  /** Whether a question may be asked. */
  readonly canAsk: boolean;
  /** A result: text for people, on standard output. Adds the newline. */
  print(text: string): void;
  /** A result for programs: one line of JSON on standard output. */
  printJson(value: object): void;
  /** An error that does not end the command. */
  printError(error: SpuffError): void;
  /** A remark for people, on standard error; nothing with `--quiet`. */
  say(text: string): void;
}

/** What only main can provide. */
export interface CliServices {
  readonly version: string;
  /** Of the protocol between the CLI and the agent. */
  readonly protocol: number;
  createContext(parts: ContextParts): AppContext;
  readonly questions: Questions;
  openHomeCare(): Promise<HomeCare>;
  openConfig(): Promise<ConfigStore>;
  openOwnKeys(): Promise<OwnKeyStore>;
  /** Providers that are built in. */
  readonly providerIds: readonly string[];
  /** What starts this spuff again: the program and its first arguments. */
  readonly program: readonly string[];
  /** Variables that may hold the credential of a provider; none for one that needs none. */
  credentialVariables(provider: string): readonly string[];
  /** A salted hash of a provider's credential as it is now; null: there is none, or it can't be told. */
  credentialMark(context: AppContext, provider: string, salt: string): Promise<string | null>;
  /** Where a person gets on when a provider's credential is in wrong hands; null: it needs none. */
  incidentPages(provider: string): IncidentPages | null;
  openIncidents(): Promise<IncidentStore>;
  openTimerHost(): Promise<TimerHost>;
  /** Starts a reaper that nobody waits for, where one is due. Never fails. */
  reapInBackground(context: AppContext): Promise<void>;
  /** Starts this program again for a tunnel that goes on when this process has ended. */
  startBackgroundTunnel(
    which: { id: string /** Others of whom the logs are kept. */; living: readonly string[] },
    args: readonly string[],
  ): Promise<BackgroundTunnel>;
  /** Writes a file about an error that nobody foresaw. Gives its path; null when it could not be written. */
  reportBug(error: unknown, argv: readonly string[]): Promise<string | null>;
}

export interface BackgroundTunnel {
  /** Gives all that it said when it has ended; what goes on is not waited for. */
  ended: Promise<string>;
  kill(): void;
}

export interface ContextParts extends Pick<AppContext, 'progress' | 'signal'> {
  /** Whether ssh may ask for a passphrase. */
  mayAsk: boolean;
}
