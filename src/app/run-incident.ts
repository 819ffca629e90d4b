/** Goes through a playbook step by step, writes down each before and after it, and makes the report. */
import { SpuffError } from '../domain/errors.ts';
import type { Incident, IncidentKind, IncidentStepRecord, IncidentStore } from '../domain/incident.ts';
import type { NewKey, OwnKey, OwnKeyStore } from '../domain/own-key.ts';
import { escapeText } from '../lib/escape.ts';
import { makeRandomName } from '../lib/random-name.ts';
import type { AppContext } from './context.ts';
import { writeIncidentReport } from './incident-report.ts';

/** Pages of a provider where only a person gets on. */
export interface IncidentPages {
  /** Where its credentials are revoked and made. */
  tokens: string;
  /** Where all that there is in the account is seen, also what bears no label of spuff's. */
  resources: string;
  /** Where it shows who did what. */
  activity: string;
}

export interface IncidentPorts {
  store: IncidentStore;
  ownKeys(): Promise<OwnKeyStore>;
  newKey(current: OwnKey): NewKey;
  /** A hash of the credential that is in use, by which it is known again; null: there is none, or it can't be told. */
  credentialMark(provider: string, salt: string): Promise<string | null>;
  /** null: the provider needs no credential. */
  pages(provider: string): IncidentPages | null;
  /** A question whose yes loses nothing. */
  agrees(question: string): Promise<boolean>;
  /** Whether the person says that what was handed over is done. Nobody else may say that. */
  hasDone(question: string): Promise<boolean>;
  /** Whether what has this id may be destroyed for good. */
  mayDestroy(id: string, question: string): Promise<boolean>;
  /** Whether the person says that the next steps need not wait for this one, which failed. */
  goesWithout(step: string): boolean;
  /** Told of each line at once: a question may be about it. */
  onLine(kind: 'said' | 'todo', line: string): void;
  /** Told of each step that has come to a state. */
  onStep(step: IncidentStepRecord): void;
}

export interface IncidentRun {
  readonly context: AppContext;
  readonly ports: IncidentPorts;
  readonly incident: Incident;
  fact(name: string): string | undefined;
  facts(): Incident['facts'];
  /** On disk when it returns. */
  setFact(name: string, value: string): void;
  /** What was seen or done; it may be text of a remote. On disk when it returns. */
  said(line: string): void;
  /** What the person has to do. */
  todo(line: string): void;
}

/** `run` must be safe to repeat: after a crash nobody knows whether it took effect. */
export interface IncidentStep {
  /** Stable: it stands in the file, and a later version of spuff resumes by it. */
  readonly name: string;
  readonly title: string;
  /** Steps that would come too late after this one: it waits while one of them has failed or was cut off. */
  readonly needs?: readonly string[];
  run(run: IncidentRun): Promise<'done' | 'left' | 'waiting'>;
}

export function beginIncident(kind: IncidentKind, subject: string, nowMs: number): Incident {
  const moment = new Date(nowMs).toISOString();
  const id = `${moment.slice(0, 10).replaceAll('-', '')}-${moment.slice(11, 19).replaceAll(':', '')}-${makeRandomName().slice(0, 4)}`;
  return { version: 1, id, kind, subject, startedAt: moment, endedAt: null, facts: {}, steps: [] };
}

/**
 * Does what is not done yet. A step that fails keeps only those from running that need it; one that waits for the person ends
 * the run. What another process has done since `begun` was read is known.
 * @returns the incident as it stands, and the path of its report
 * @throws SpuffError `conflict` while another process is at it, `interrupted`, and what the store throws; the incident can be resumed then
 */
export async function runIncident(
  context: AppContext,
  ports: IncidentPorts,
  begun: Incident,
  steps: readonly IncidentStep[],
): Promise<{ incident: Incident; report: string }> {
  return ports.store.alone(begun.id, context.signal, () =>
    runAlone(context, ports, readAgain(ports.store, begun), steps),
  );
}

function readAgain(store: IncidentStore, begun: Incident): Incident {
  try {
    return store.load(begun.id);
  } catch (error) {
    if (error instanceof SpuffError && error.code === 'not-found') return begun;
    throw error;
  }
}

async function runAlone(
  context: AppContext,
  ports: IncidentPorts,
  begun: Incident,
  steps: readonly IncidentStep[],
): Promise<{ incident: Incident; report: string }> {
  const book = new Book(begun, ports.store, () => new Date(context.runtime.now()).toISOString());
  for (const step of steps) {
    if (book.stateOf(step.name) === 'done') continue;
    context.signal.throwIfAborted();
    book.begin(step);
    const run = runOf(context, ports, book, step.name);
    const missing = missingFor(step, ports, book);
    const state =
      missing.length > 0
        ? waitFor(run, missing)
        : await settle(() => step.run(run), book, step.name, ports.goesWithout(step.name));
    ports.onStep(book.end(step.name, state));
    if (state === 'waiting') break;
  }
  book.close(steps.every(({ name }) => book.stateOf(name) === 'done'));
  const report = ports.store.keep(book.incident.id, 'report.md', writeIncidentReport(book.incident));
  return { incident: book.incident, report };
}

/** What the step needs, and is neither there nor given up by the person. */
function missingFor({ needs = [] }: IncidentStep, ports: IncidentPorts, book: Book): string[] {
  return needs.filter(
    (name) => !['done', 'left'].includes(book.stateOf(name) ?? 'begun') && !ports.goesWithout(name),
  );
}

function waitFor(run: IncidentRun, missing: readonly string[]): 'waiting' {
  const { kind, id } = run.incident;
  const resume = `spuff incident ${kind} --resume ${id}`;
  run.said(`not begun: ${missing.join(' and ')} failed, and it would be too late for that afterwards`);
  run.todo(`mend what failed, then: ${resume}`);
  run.todo(`or do without it: ${resume} --without ${missing.join(',')}`);
  return 'waiting';
}

async function settle(
  work: () => ReturnType<IncidentStep['run']>,
  book: Book,
  name: string,
  isGivenUp: boolean,
): Promise<IncidentStepRecord['state']> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SpuffError) || error.code === 'interrupted') throw error;
    book.change(name, ({ said, todo }) => ({
      said: [...said, `failed: ${error.message}`],
      todo: [...todo, ...error.hints],
    }));
    if (!isGivenUp) return 'failed';
    book.change(name, ({ said }) => ({ said: [...said, 'you said to go on without it'] }));
    return 'left';
  }
}

function runOf(context: AppContext, ports: IncidentPorts, book: Book, name: string): IncidentRun {
  const tell = (kind: 'said' | 'todo', text: string) => {
    const line = escapeText(text, { singleLine: true });
    // What an earlier run said and saw just so is not said twice.
    book.change(name, (step) => ({ [kind]: [...step[kind].filter((one) => one !== line), line] }));
    ports.onLine(kind, line);
  };
  return {
    context,
    ports,
    incident: book.incident,
    facts: () => book.incident.facts,
    fact: (fact) => book.incident.facts[fact],
    setFact: (fact, value) => book.setFact(fact, value),
    said: (line) => tell('said', line),
    todo: (line) => tell('todo', line),
  };
}

/** The incident as it is on the disk. */
class Book {
  incident: Incident;
  readonly #store: IncidentStore;
  readonly #now: () => string;

  constructor(incident: Incident, store: IncidentStore, now: () => string) {
    this.incident = incident;
    this.#store = store;
    this.#now = now;
  }

  stateOf(name: string): IncidentStepRecord['state'] | undefined {
    return this.incident.steps.find((step) => step.name === name)?.state;
  }

  /** What an earlier run has said of the step stays: it may be the only evidence. */
  begin({ name, title }: IncidentStep): void {
    const former = this.incident.steps.find((step) => step.name === name);
    const record = {
      name,
      title,
      state: 'begun',
      at: this.#now(),
      said: former?.said ?? [],
      todo: [],
    } as const;
    this.#save({ steps: [...this.incident.steps.filter((step) => step !== former), record] });
  }

  change(name: string, change: (step: IncidentStepRecord) => Partial<IncidentStepRecord>): void {
    const steps = this.incident.steps.map((step) =>
      step.name === name ? { ...step, ...change(step) } : step,
    );
    this.#save({ steps });
  }

  end(name: string, state: IncidentStepRecord['state']): IncidentStepRecord {
    this.change(name, () => ({ state, at: this.#now() }));
    return this.incident.steps.find((step) => step.name === name) as IncidentStepRecord;
  }

  setFact(name: string, value: string): void {
    this.#save({ facts: { ...this.incident.facts, [name]: value } });
  }

  close(isDone: boolean): void {
    this.#save({ endedAt: isDone ? this.#now() : null });
  }

  #save(change: Partial<Incident>): void {
    this.incident = { ...this.incident, ...change };
    this.#store.save(this.incident);
  }
}
