import type { SetupPart, SetupStatus } from '../../app/watch-setup.ts';
import { formatDuration } from '../../domain/duration.ts';
import type { Instance } from '../../domain/instance.ts';
import { titleOf } from '../../lib/setup-title.ts';
import type { Paint } from './terminal.ts';
import { formatTable } from './text.ts';

/** The parts of a setup under each other, for people. */
export function describeSetup(status: SetupStatus, paint: Paint): string {
  if (status.project === null) return 'no project was set up on this machine';
  const rows = status.parts.flatMap((part) => [
    [titleOf(part), wordOf(part), durationOf(part), part.detail ?? ''],
    ...part.items
      .filter((item) => item.state === 'failed' || item.detail !== null)
      .map((item) => [`  ${item.name}`, wordOf(item), '', item.detail ?? '']),
  ]);
  const about = status.detail === null ? '' : `: ${status.detail}`;
  const title = `setup of ${status.project}: ${wordOf(status)}${about}`;
  return [formatTable([[title]], { paint }), formatTable(rows, { paint })]
    .filter((text) => text !== '')
    .join('\n');
}

function wordOf({ state }: { state: SetupPart['state'] }): string {
  return state.replace('_', ' ');
}

function durationOf({ startedAt, endedAt }: SetupPart): string {
  if (startedAt === null || endedAt === null) return '';
  const tookMs = Date.parse(endedAt) - Date.parse(startedAt);
  return tookMs < 1_000 ? '' : formatDuration(tookMs);
}

/** The shape `setup` of docs/json.md. */
export function setupToJson(instance: Instance, status: SetupStatus): object {
  return { version: 1, instance: instance.name, setup: status };
}
