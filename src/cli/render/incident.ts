import type { Incident } from '../../domain/incident.ts';

export function incidentToJson({ id, kind, subject, startedAt, endedAt }: Incident): object {
  return { id, kind, subject, startedAt, endedAt };
}
