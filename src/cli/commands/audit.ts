import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { InspectRequest } from '../../app/inspect/run-inspections.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { InspectionPlace, InspectionResult } from '../../domain/inspection.ts';
import type { Instance } from '../../domain/instance.ts';
import { toFileError } from '../../lib/atomic-file.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, manyArguments, text } from '../parameters.ts';

export const audit = defineCommand({
  name: 'audit',
  summary: 'check what can be checked of the security of this computer, your account and your machines',
  details: [
    'Each finding has the id of its control in docs/security.md, what was seen, why it matters, and what mends it. What no program can ' +
      'answer is asked at the end. The exit status is 1 when something is found.',
    'Without NAME every machine that is ready is looked at. A machine gives the answers about itself: this finds what was ' +
      'forgotten or changed, not an intruder who hides.',
    '--fix mends what can be mended without losing anything: rights that others have on files of spuff.',
  ],
  arguments: {
    names: manyArguments('NAME', 'instances to look at; all that are ready', { complete: 'instances' }),
  },
  options: {
    local: flag('this computer alone: asks no network'),
    only: text('IDS', 'these controls or checks, with commas: S1,V2/listeners'),
    fix: flag('mend what is safe to mend, after a question'),
    yes: flag('without the question', { short: 'y' }),
    sarif: text('FILE', 'also write the findings as SARIF 2.1.0'),
    html: text('FILE', 'also write a page to read'),
  },
  examples: [
    { command: 'spuff audit', about: 'this computer, the provider, and every machine' },
    { command: 'spuff audit --local --fix', about: 'this computer, and mend what can be' },
    { command: 'spuff audit demo --only V1,V2', about: 'two controls on one machine' },
    {
      command: 'spuff audit --sarif audit.sarif --html audit.html',
      about: 'for a code host, and for people',
    },
  ],
  json: 'audit',
  run: async ({ arguments: { names }, options }, cli) => {
    const places: InspectionPlace[] = options.local ? ['local'] : ['local', 'provider', 'machine'];
    if (options.local && names.length > 0)
      throw new SpuffError('usage', '--local looks at no machine: leave the names out');
    const only = options.only?.split(',').map((word) => word.trim()) ?? null;
    const request = { places, only, instances: await chooseInstances(cli, names) };
    const first = await look(cli, request);
    const fixed = options.fix ? await fix(cli, first, options.yes) : [];
    const results = fixed.length > 0 ? await look(cli, request) : first;
    await report(cli, results, fixed, options);
    return results.some(({ outcome }) => outcome === 'found') ? 1 : 0;
  },
});

async function chooseInstances(cli: Cli, names: readonly string[]): Promise<Instance[]> {
  if (names.length === 0)
    return (await cli.context.state()).listInstances().filter(({ phase }) => phase === 'ready');
  const { findReadyInstance } = await import('../../app/find-instance.ts');
  return Promise.all([...new Set(names)].map((name) => findReadyInstance(cli.context, name)));
}

async function look(cli: Cli, request: InspectRequest): Promise<InspectionResult[]> {
  const { inspect } = await import('../../app/inspect/run-inspections.ts');
  const { context, services } = cli;
  const step = context.progress.start('looking');
  try {
    const local = { context, userHome: homedir(), env: process.env, openOwnKeys: services.openOwnKeys };
    const results = await inspect(local, request);
    step.done();
    return results;
  } catch (error) {
    step.fail();
    throw error;
  }
}

async function fix(cli: Cli, results: readonly InspectionResult[], isSure: boolean): Promise<string[]> {
  const fixable = results.flatMap(({ seen }) => seen.filter((one) => one.fix !== undefined));
  if (fixable.length === 0) return [];
  if (!isSure) {
    if (!cli.canAsk) {
      throw new SpuffError('usage', '--fix asks first, and nobody is there to ask', {
        hints: ['say yes beforehand: spuff audit --fix --yes'],
      });
    }
    cli.say(fixable.map(({ what, mend }) => `${what}: ${mend}`).join('\n'));
    if (!(await cli.services.questions.confirm(`Mend these ${fixable.length}?`, true))) return [];
  }
  return fixable.map(({ what, fix: mendIt }) => {
    mendIt?.();
    return what;
  });
}

async function report(
  cli: Cli,
  results: readonly InspectionResult[],
  fixed: readonly string[],
  { sarif, html }: { sarif: string | undefined; html: string | undefined },
): Promise<void> {
  const { describeInspection, inspectionToJson } = await import('../render/inspection.ts');
  const { version } = cli.services;
  if (sarif !== undefined) {
    const { toSarif } = await import('../render/sarif.ts');
    write(cli, sarif, `${JSON.stringify(toSarif(results, version), null, 2)}\n`);
  }
  if (html !== undefined) {
    const { toHtml } = await import('../render/html-report.ts');
    write(cli, html, toHtml(results, { at: new Date(cli.context.runtime.now()), version }));
  }
  if (cli.flags.json) return cli.printJson(inspectionToJson(results, fixed));
  for (const what of fixed) cli.print(`mended      ${what}`);
  cli.print(describeInspection(results, cli.paint));
}

/** It says where the weak places are: for its owner alone. */
function write(cli: Cli, file: string, content: string): void {
  const path = resolve(cli.context.directory, file);
  try {
    writeFileSync(path, content, { mode: 0o600 });
  } catch (error) {
    throw toFileError(error, `write ${path}`);
  }
}
