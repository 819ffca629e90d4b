import { type InspectionResult, questions } from '../../domain/inspection.ts';
import type { Paint } from './terminal.ts';
import { oneLine } from './text.ts';

export function inspectionToJson(results: readonly InspectionResult[], fixed: readonly string[]): object {
  return {
    version: 1,
    ok: results.every(({ outcome }) => outcome !== 'found'),
    checks: results.map(({ seen, ...result }) => ({
      ...result,
      findings: seen.map(({ what, mend, file, fix }) => ({
        ...{ what, mend, path: file?.path ?? null, line: file?.line ?? null, fixable: fix !== undefined },
      })),
    })),
    fixed,
    questions,
  };
}

const colours = { high: 'red', medium: 'yellow', low: 'yellow' } as const;
const order = { high: 0, medium: 1, low: 2 } as const;

/** The worst first; what is as it should be is only counted. */
export function describeInspection(results: readonly InspectionResult[], paint: Paint): string {
  const found = results
    .filter(({ outcome }) => outcome === 'found')
    .sort((a, b) => order[a.severity] - order[b.severity]);
  const lines = found.flatMap(({ control, severity, seen, why }) =>
    seen.flatMap(({ what, mend }) => [
      `${paint(colours[severity], severity.padEnd(6))}  ${control}  ${oneLine(what)}`,
      `            ${oneLine(why)}`,
      `            mend: ${oneLine(mend)}`,
    ]),
  );
  const skipped = results
    .filter(({ outcome }) => outcome === 'skipped')
    .map(({ control, title, subject, reason }) => {
      const where = subject === null ? '' : ` (${oneLine(subject)})`;
      return `skipped     ${control}  ${title}${where}: ${oneLine(reason ?? '')}`;
    });
  const asked = [
    'for you to answer:',
    ...questions.map(({ control, text }) => `            ${control}  ${text}`),
  ];
  return [...lines, ...skipped, ...asked, summarise(results)].join('\n');
}

export function summarise(results: readonly InspectionResult[]): string {
  const count = (wanted: InspectionResult['outcome']) =>
    results.filter(({ outcome }) => outcome === wanted).length;
  const faults = results.reduce((sum, { seen }) => sum + seen.length, 0);
  return `${results.length} checks: ${count('pass')} as they should be, ${faults} findings in ${count('found')}, ${count('skipped')} skipped`;
}
