/** What `spuff audit` looks at: each control that a program can check, as data. */

/** On this computer; at the provider; on a machine. */
export type InspectionPlace = 'local' | 'provider' | 'machine';

export type Severity = 'high' | 'medium' | 'low';

/** Something that is not as it should be. */
export interface Seen {
  /** What was seen, in a line. Text of a remote is escaped already. */
  what: string;
  /** The command that mends it, or what a person does. */
  mend: string;
  /** A file that it is in, with a line where there is one. */
  file?: { path: string; line: number | null };
  /** Mends it; only where nothing can be lost by it. */
  fix?: () => void;
}

export interface Inspection<C> {
  /** Of docs/security.md. */
  control: string;
  /** With the control it is the id: `S1/token-in-a-file`. */
  slug: string;
  place: InspectionPlace;
  severity: Severity;
  /** What holds when nothing is found. */
  title: string;
  /** Why it matters. */
  why: string;
  /** @returns nothing when all is as it should be, a reason when there is nothing to look at here */
  run(context: C): Promise<readonly Seen[] | { skipped: string }>;
}

export interface InspectionResult {
  id: string;
  control: string;
  place: InspectionPlace;
  severity: Severity;
  title: string;
  why: string;
  /** The instance or the provider that was looked at; null: this computer. */
  subject: string | null;
  outcome: 'pass' | 'found' | 'skipped';
  seen: readonly Seen[];
  /** Why it was skipped. */
  reason: string | null;
}

/** What no program can answer. */
export interface Question {
  control: string;
  text: string;
}

/** The lines of the checklists that are left. */
export const questions: readonly Question[] = [
  { control: 'S1', text: 'Has your API token no more rights than the page of providers lists, and an end?' },
  { control: 'S1', text: 'When did you last make a new API token, and revoke the one before?' },
  { control: 'P1', text: "Do you look at the provider's own audit log now and then?" },
  {
    control: 'P1',
    text: 'Would you know what to do if a token, a key or a machine were stolen? spuff incident --help',
  },
  { control: 'P5', text: 'Has everybody in the team a token and keys of their own?' },
  { control: 'P5', text: 'Is it written down how tokens and keys are replaced when somebody leaves?' },
  {
    control: 'L1',
    text: 'Does a reaper run somewhere else than on this computer? spuff reaper workflow github',
  },
  { control: 'P4', text: 'May the code and the user data be kept where your machines are?' },
  { control: 'P7', text: 'Is this the newest spuff?' },
];

export const inspectionId = ({ control, slug }: Pick<Inspection<never>, 'control' | 'slug'>): string =>
  `${control}/${slug}`;
