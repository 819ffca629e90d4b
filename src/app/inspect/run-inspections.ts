/** Runs what is to be looked at, and keeps what goes wrong in one look from ending the others. */
import { SpuffError } from '../../domain/errors.ts';
import {
  type Inspection,
  type InspectionPlace,
  type InspectionResult,
  inspectionId,
} from '../../domain/inspection.ts';
import type { Instance } from '../../domain/instance.ts';
import { providersOf } from '../own-keys.ts';
import { type LocalContext, localInspections } from './local.ts';
import { machineInspections } from './machine.ts';
import { providerInspections } from './provider.ts';

export interface InspectRequest {
  places: readonly InspectionPlace[];
  /** Controls or ids (`S1`, `S1/token-in-a-file`); null: all. */
  only: readonly string[] | null;
  /** Whose machines are looked at. */
  instances: readonly Instance[];
}

/** Every inspection there is, for whoever documents them. */
export const allInspections: readonly Pick<
  InspectionResult,
  'id' | 'control' | 'place' | 'severity' | 'title' | 'why'
>[] = [...localInspections, ...providerInspections, ...machineInspections].map(describe);

/** @throws SpuffError `usage` for a control that none is about, `interrupted` */
export async function inspect(local: LocalContext, request: InspectRequest): Promise<InspectionResult[]> {
  const { context } = local;
  requireKnown(request.only);
  const wanted = <C>(inspections: readonly Inspection<C>[]) =>
    inspections.filter((one) => request.places.includes(one.place) && isMeant(one, request.only));
  const results = wanted(localInspections).map((one) => attempt(one, null, local));
  const settings = await context.settings().catch(() => null);
  const ids = new Set([...(settings ? [settings.provider] : []), ...providersOf(request.instances)]);
  for (const id of ids)
    results.push(...wanted(providerInspections).map((one) => attempt(one, id, { context, providerId: id })));
  for (const instance of request.instances)
    results.push(
      ...wanted(machineInspections).map((one) => attempt(one, instance.name, { context, instance })),
    );
  return Promise.all(results);
}

function isMeant(one: Pick<Inspection<never>, 'control' | 'slug'>, only: readonly string[] | null): boolean {
  return only === null || only.includes(one.control) || only.includes(inspectionId(one));
}

function requireKnown(only: readonly string[] | null): void {
  const unknown = only?.find(
    (word) => !allInspections.some(({ id, control }) => [id, control].includes(word)),
  );
  if (unknown === undefined) return;
  throw new SpuffError('usage', `no check is about ${JSON.stringify(unknown)}`, {
    hints: [`there are: ${[...new Set(allInspections.map(({ control }) => control))].sort().join(', ')}`],
  });
}

async function attempt<C>(
  inspection: Inspection<C>,
  subject: string | null,
  context: C,
): Promise<InspectionResult> {
  const about = { ...describe(inspection), subject };
  try {
    const seen = await inspection.run(context);
    if ('skipped' in seen) return { ...about, outcome: 'skipped', seen: [], reason: seen.skipped };
    return { ...about, outcome: seen.length === 0 ? 'pass' : 'found', seen, reason: null };
  } catch (error) {
    if (!(error instanceof SpuffError) || ['interrupted', 'internal'].includes(error.code)) throw error;
    const [hint] = error.hints;
    const reason = hint === undefined ? error.message : `${error.message} (${hint})`;
    return { ...about, outcome: 'skipped', seen: [], reason };
  }
}

function describe({ control, slug, place, severity, title, why }: Inspection<never>) {
  return { id: inspectionId({ control, slug }), control, place, severity, title, why };
}
