/** Another user who looks at all that the system shows to everybody, again and again: see test/fakes/onlooker.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** To be run with Node, as that user. */
export const onlookerProgram = join(import.meta.dirname, '..', 'fakes', 'onlooker.ts');

export interface Report {
  rounds: number;
  texts: number;
  found: Record<string, string[]>;
}

export class Onlooker {
  rounds = 0;
  readonly #child: ChildProcess;
  readonly #report: Promise<Report>;

  constructor(argv: readonly string[]) {
    const [program = '', ...args] = argv;
    this.#child = spawn(program, args, { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] });
    this.#report = this.#follow();
  }

  async #follow(): Promise<Report> {
    for await (const line of createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })) {
      if (line !== 'round') return JSON.parse(line) as Report;
      this.rounds += 1;
    }
    throw new Error('the onlooker ended without a report');
  }

  /** What it has seen of the given texts. It has not heard of them before, and does not look at anything afterwards. */
  async end(wanted: Record<string, string[]>): Promise<Report> {
    if (!this.#child.stdin?.writableEnded) this.#child.stdin?.end(JSON.stringify(wanted));
    return this.#report;
  }
}
