/** Flags that every command takes, before or after its name. */
export interface GlobalFlags {
  /** More of what happens: requests to the provider, causes of errors. */
  readonly verbose: boolean;
  /** Results and errors only. */
  readonly quiet: boolean;
  /** false: no colours and no moving progress. */
  readonly color: boolean;
  /** false: never ask. */
  readonly input: boolean;
  /** The command prints one JSON document, or one a line where it goes on. */
  readonly json: boolean;
}

export interface GlobalFlagSpec {
  readonly key: 'verbose' | 'quiet' | 'color' | 'input';
  /** As commander reads them. */
  readonly flags: string;
  readonly about: string;
}

export const globalFlags: readonly GlobalFlagSpec[] = [
  { key: 'verbose', flags: '-v, --verbose', about: 'say more about what happens' },
  { key: 'quiet', flags: '-q, --quiet', about: 'print results and errors only' },
  { key: 'color', flags: '--no-color', about: 'no colours (NO_COLOR does the same)' },
  { key: 'input', flags: '--no-input', about: 'never ask (also when CI is set, or there is no terminal)' },
];

/** Of the flag that reading commands have besides. */
export const jsonAbout = 'print JSON';
