import type { SetupStatus } from '../../protocol/setup-schema.ts';

/** What was being done has failed, and what was to come is not done. */
export function markBrokenOff({ parts }: SetupStatus, why: string): void {
  for (const part of parts) {
    if (part.state === 'in_progress') Object.assign(part, { state: 'failed', detail: why });
    if (part.state === 'pending') Object.assign(part, { state: 'skipped', detail: why });
  }
}
