import type { CallOptions } from '../../domain/provider.ts';
import type { HetznerClient } from './client.ts';
import { failure, showText } from './errors.ts';
import { type Fields, optionalArray, optionalObject, optionalText, readArray, readId } from './fields.ts';

/**
 * Waits until the actions in an answer are done. An action that the API no longer knows is done.
 * @throws ProviderError `action-failed` with what the API says of the one that failed, `timeout`
 * @see https://docs.hetzner.cloud/reference/cloud#description/actions
 */
export async function waitForActions(
  client: HetznerClient,
  op: string,
  answer: Fields,
  call: CallOptions,
): Promise<void> {
  const actions = optionalArray(answer['actions']).map(optionalObject);
  for (const action of actions) {
    const path = `/actions/${readId(action, { op, path: 'actions[]' })}`;
    let latest: Fields | null = action;
    const done = await client.until(op, call, async () => {
      if (latest?.['status'] === 'running')
        latest = optionalObject((await client.read(op, path, call))?.['action']);
      if (latest?.['status'] === 'error')
        throw failure('action-failed', op, `Hetzner Cloud did not do it: ${describeAction(latest)}`);
      return latest?.['status'] === 'running' ? undefined : true;
    });
    if (!done)
      throw failure('timeout', op, 'Hetzner Cloud is not done with it yet', {
        ...{ retryable: true, hints: ['try again'] },
      });
  }
}

/** Why a machine does not come up; null while it may still. `off`: whether the API says that it is off. */
export async function findStartFailure(
  client: HetznerClient,
  op: string,
  serverId: string,
  off: boolean,
  call: CallOptions,
): Promise<string | null> {
  const query = { sort: 'id:desc', per_page: 50 };
  const answer = await client.read(op, `/servers/${serverId}/actions`, call, query);
  if (answer === null) return null;
  const actions = readArray(answer['actions'], { op, path: 'actions' }).map(optionalObject);
  const starts = actions.filter((action) =>
    ['create_server', 'start_server'].includes(optionalText(action['command']) ?? ''),
  );
  const failed = starts.find((action) => action['status'] === 'error');
  if (failed) return describeAction(failed);
  // Between its making and its start a machine is off.
  return off && !starts.some((action) => action['status'] === 'running') ? 'it is off' : null;
}

function describeAction(action: Fields): string {
  const error = optionalObject(action['error']);
  const command = showText(optionalText(action['command']) ?? 'an action');
  const message = optionalText(error['message']);
  const code = optionalText(error['code']);
  return `${command} failed${message === null ? '' : `: ${showText(message)}`}${code === null ? '' : ` (${showText(code)})`}`;
}
