import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Vm } from '../../domain/provider.ts';
import { showRemote } from '../../lib/api-client.ts';
import type { Api } from './api.ts';
import { failure } from './failure.ts';
import { dropletPathOf, getMachine } from './machine-lookup.ts';

const op = 'waitFor';

/** One look in so many goes to what the cloud does, too: a droplet whose making failed may stay `new`. */
const looksBetweenActions = 5;

type Want = 'running' | 'stopped' | 'gone';

/** @see Provider.waitFor */
export async function waitForState(
  api: Api,
  ordered: ReadonlyMap<InstanceKey, string>,
  id: string,
  want: Want,
  call: CallOptions,
): Promise<Vm | null> {
  let looks = 0;
  let last = '';
  const reached = await api.wait(async () => {
    const vm = await getMachine(api, id, call, op);
    if (vm === null) {
      if (want === 'gone') return { vm };
      throw vanished(id, [...ordered.values()].includes(id), want);
    }
    last = vm.rawState;
    if (vm.state === want && (want !== 'running' || vm.ssh !== null)) return { vm };
    if (want === 'running' && vm.state === 'stopped')
      throw failure('action-failed', op, `the machine ${id} is ${vm.rawState} and was to be running`);
    looks += 1;
    if (vm.state === 'provisioning' && looks % looksBetweenActions === 0) await checkCreation(api, id, call);
    return undefined;
  }, call);
  if (reached) return reached.vm;
  const state = last === '' ? '' : `; DigitalOcean calls it ${last}`;
  throw failure('timeout', op, `the machine ${id} was not ${want} in time${state}`, { retryable: true });
}

/** What was accepted and is gone again has failed; what this process never ordered may never have been. */
function vanished(id: string, wasOrdered: boolean, want: Want) {
  if (!wasOrdered)
    return failure(
      'not-found',
      op,
      `there is no machine ${JSON.stringify(showRemote(id))}; it was to be ${want}`,
    );
  return failure('action-failed', op, `DigitalOcean accepted the machine ${id} and then took it away`, {
    retryable: true,
    hints: ['there was no room for it, most likely: try again, or take another region: --region REGION'],
  });
}

async function checkCreation(api: Api, id: string, call: CallOptions): Promise<void> {
  const answer = await api.find({ op, path: `${dropletPathOf(id)}/actions`, query: { per_page: 20 } }, call);
  const failed = answer
    ?.at('actions')
    .list()
    .find(
      (action) => action.at('type').textOr('') === 'create' && action.at('status').textOr('') === 'errored',
    );
  if (!failed) return;
  throw failure('action-failed', op, `DigitalOcean could not make the machine ${id}`, {
    hints: ['try again, or take another region: --region REGION'],
  });
}
