import type { CallOptions, WhyOff } from '../../domain/provider.ts';
import type { HetznerClient } from './client.ts';
import { optionalObject, optionalText, readArray } from './fields.ts';
import { getMachine } from './server-lookup.ts';

const op = 'whyOff';

/**
 * What switches a server on and off, when it is done through the API or the console; a power-off from inside leaves nothing
 * behind. A server that was made and not started yet is off as well, and has no start among its actions.
 * @see https://docs.hetzner.cloud/reference/cloud#tag/server-actions
 */
const starts = ['start_server', 'reboot_server', 'reset_server', 'rebuild_server'];
const stops = ['stop_server', 'shutdown_server'];

/** The newest of them decides: a stop was somebody's; after a start that went well, the machine switched itself off. */
export async function whyOff(client: HetznerClient, id: string, call: CallOptions): Promise<WhyOff> {
  if ((await getMachine(client, op, id, call))?.state !== 'stopped') return 'unknown';
  const query = { sort: 'id:desc', per_page: 50 };
  const answer = await client.read(op, `/servers/${id}/actions`, call, query);
  if (answer === null) return 'unknown';
  const last = readArray(answer['actions'], { op, path: 'actions' })
    .map(optionalObject)
    .find((action) => [...starts, ...stops].includes(optionalText(action['command']) ?? ''));
  if (last === undefined) return 'unknown';
  if (stops.includes(optionalText(last['command']) ?? '')) return 'owner';
  return last['status'] === 'success' ? 'guest' : 'unknown';
}
