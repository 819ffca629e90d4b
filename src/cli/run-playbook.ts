/** What the commands of the three playbooks have in common. */
import { type IncidentPorts, type IncidentStep, runIncident } from '../app/run-incident.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Incident, IncidentKind } from '../domain/incident.ts';
import type { Cli } from './cli.ts';
import { flag, text } from './parameters.ts';
import { incidentToJson } from './render/incident.ts';
import { chooseKeyLike } from './render/key.ts';

export const playbookOptions = {
  resume: text('ID', 'go on with this incident'),
  yes: flag('answer yes where nothing is lost by it, and ask nothing', { short: 'y' }),
  done: flag('say that you have done what was left to you'),
};

/** @throws SpuffError `usage` for one of another kind, `not-found` */
export async function loadIncident(cli: Cli, id: string, kind: IncidentKind): Promise<Incident> {
  const incident = (await cli.services.openIncidents()).load(id);
  if (incident.kind === kind) return incident;
  throw new SpuffError('usage', `incident ${id} is about ${incident.kind} ${incident.subject}`, {
    hints: [`go on with it: spuff incident ${incident.kind} --resume ${id}`],
  });
}

export interface Consent {
  /** `--yes`. */
  yes: boolean;
  /** `--done`. */
  done: boolean;
  /** What may be destroyed without a question. */
  mayDestroy(id: string): boolean;
  /** `--without`: steps that the next ones need not wait for. */
  without: readonly string[];
}

/** Runs the steps, tells each, and ends with where the report is. */
export async function runPlaybook(
  cli: Cli,
  incident: Incident,
  steps: readonly IncidentStep[],
  consent: Consent,
): Promise<number> {
  const result = await runIncident(cli.context, await portsOf(cli, incident, consent), incident, steps);
  const ended = result.incident;
  if (cli.flags.json) {
    cli.printJson({ version: 1, incident: incidentToJson(ended), step: null, report: result.report });
  } else {
    cli.print(result.report);
    if (ended.endedAt === null)
      cli.say(`open; go on with: spuff incident ${ended.kind} --resume ${ended.id}`);
  }
  const failed = ended.steps.filter(({ state }) => state === 'failed');
  if (failed.length === 0) return 0;
  throw new SpuffError('provider', `failed: ${failed.map(({ title }) => title).join('; ')}`, {
    hints: [`try again: spuff incident ${ended.kind} --resume ${ended.id}`],
  });
}

async function portsOf(cli: Cli, incident: Incident, consent: Consent): Promise<IncidentPorts> {
  const { services, canAsk } = cli;
  const confirm = (question: string) => (canAsk ? services.questions.confirm(question, false) : false);
  return {
    store: await services.openIncidents(),
    ownKeys: () => services.openOwnKeys(),
    newKey: (current) => chooseKeyLike(cli, current, { passphrase: !consent.yes }),
    credentialMark: (provider, salt) => services.credentialMark(cli.context, provider, salt),
    pages: (provider) => services.incidentPages(provider),
    agrees: async (question) => consent.yes || confirm(question),
    hasDone: async (question) => consent.done || (!consent.yes && confirm(question)),
    mayDestroy: async (id, question) => consent.mayDestroy(id) || (!consent.yes && confirm(question)),
    goesWithout: (step) => consent.without.includes(step),
    onStep: (step) => {
      if (cli.flags.json)
        cli.printJson({ version: 1, incident: incidentToJson(incident), step, report: null });
      else cli.say(`${step.state}: ${step.title}`);
    },
    onLine: (kind, line) => {
      if (!cli.flags.json) cli.say(kind === 'todo' ? `  → ${line}` : `  ${line}`);
    },
  };
}
