/**
 * SARIF 2.1.0, which code hosts and editors show as findings.
 * @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html
 */
import { pathToFileURL } from 'node:url';
import type { InspectionResult, Seen } from '../../domain/inspection.ts';

const levels = { high: 'error', medium: 'warning', low: 'note' } as const;

export function toSarif(results: readonly InspectionResult[], version: string): object {
  const rules = [...new Map(results.map((result) => [result.id, result])).values()];
  const run = {
    tool: {
      driver: {
        ...{ name: 'spuff audit', semanticVersion: version },
        rules: rules.map(({ id, control, title, why, severity }) => ({
          id,
          shortDescription: { text: title },
          fullDescription: { text: why },
          defaultConfiguration: { level: levels[severity] },
          properties: { tags: ['security', control] },
        })),
      },
    },
    columnKind: 'utf16CodeUnits',
    results: results.flatMap((result) => {
      const ruleIndex = rules.findIndex(({ id }) => id === result.id);
      return result.outcome === 'found'
        ? result.seen.map((seen) => toResult(result, ruleIndex, seen))
        : [toQuietResult(result, ruleIndex)];
    }),
  };
  return { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] };
}

function toResult({ id, severity, subject, why }: InspectionResult, ruleIndex: number, seen: Seen): object {
  return {
    ...{ ruleId: id, ruleIndex, kind: 'fail', level: levels[severity] },
    message: { text: `${seen.what}. ${why}. To mend it: ${seen.mend}` },
    ...(seen.file !== undefined && { locations: [toLocation(seen.file)] }),
    ...(subject !== null && { properties: { subject } }),
  };
}

/** What passed, and what could not be looked at, is said as well: a gap is no pass. */
function toQuietResult(result: InspectionResult, ruleIndex: number): object {
  const { id, outcome, title, reason, subject } = result;
  return {
    ...{ ruleId: id, ruleIndex, kind: outcome === 'pass' ? 'pass' : 'notApplicable', level: 'none' },
    message: { text: outcome === 'pass' ? title : `not looked at: ${reason ?? 'no reason is known'}` },
    ...(subject !== null && { properties: { subject } }),
  };
}

function toLocation({ path, line }: NonNullable<Seen['file']>): object {
  return {
    physicalLocation: {
      artifactLocation: { uri: pathToFileURL(path).href },
      ...(line !== null && { region: { startLine: line } }),
    },
  };
}
