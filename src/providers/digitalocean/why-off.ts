import type { CallOptions, WhyOff } from '../../domain/provider.ts';
import type { Answer } from './answer.ts';
import type { Api } from './api.ts';
import { dropletPathOf, getDroplet } from './machine-lookup.ts';

const op = 'whyOff';

/**
 * What switches a droplet on and off, when it is done through the API or the control panel; a power-off from inside leaves
 * nothing behind.
 * @see https://docs.digitalocean.com/reference/api/reference/droplet-actions/
 */
const starts = ['create', 'power_on', 'power_cycle', 'reboot', 'restore', 'rebuild'];
const stops = ['power_off', 'shutdown'];

/** The newest of them decides: a stop was somebody's; after a start that went well, the machine switched itself off. */
export async function whyOff(api: Api, id: string, call: CallOptions): Promise<WhyOff> {
  const droplet = await getDroplet(api, id, call, op);
  // An archived one was switched off by DigitalOcean itself.
  if (droplet?.at('status').textOr('') !== 'off') return 'unknown';
  const answer = await api.find({ op, path: `${dropletPathOf(id)}/actions`, query: { per_page: 200 } }, call);
  const last = answer?.at('actions').list().filter(isAboutPower).toSorted(newestFirst)[0];
  if (last === undefined) return 'unknown';
  if (stops.includes(last.at('type').text())) return 'owner';
  return last.at('status').textOr('') === 'completed' ? 'guest' : 'unknown';
}

function isAboutPower(action: Answer): boolean {
  return [...starts, ...stops].includes(action.at('type').textOr(''));
}

function newestFirst(one: Answer, other: Answer): number {
  const [a, b] = [one.at('started_at').date().getTime(), other.at('started_at').date().getTime()];
  return b - a || Number(other.at('id').id()) - Number(one.at('id').id());
}
