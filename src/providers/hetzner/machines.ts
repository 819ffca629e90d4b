import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Provider, Vm } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { findStartFailure } from './actions.ts';
import type { HetznerClient } from './client.ts';
import { createMachine } from './create-machine.ts';
import { failure } from './errors.ts';
import { setExpiry } from './machine-expiry.ts';
import { findServer, getMachine, listServers } from './server-lookup.ts';
import { toVm } from './server-mapping.ts';
import { whyOff } from './why-off.ts';

type Machines = Pick<
  Provider,
  'create' | 'find' | 'get' | 'list' | 'waitFor' | 'destroy' | 'setExpiry' | 'whyOff'
>;

/** @see https://docs.hetzner.cloud/reference/cloud#tag/servers */
export function createMachines(client: HetznerClient): Machines {
  return {
    create: (spec, call) => createMachine(client, spec, call),
    async find(key, call) {
      const server = await findServer(client, 'find', key, call);
      return server && toVm(server, 'find');
    },
    get: (id, call) => getMachine(client, 'get', id, call),
    async *list(call) {
      for (const server of await listServers(client, 'list', call)) yield toVm(server, 'list');
    },
    waitFor: (id, want, call) => waitForState(client, id, want, call),
    destroy: (id, { expectKey, ...call }) => destroyMachine(client, 'destroy', id, expectKey, call),
    setExpiry: (id, expiresAt, { expectKey, ...call }) => setExpiry(client, id, expiresAt, expectKey, call),
    whyOff: (id, call) => whyOff(client, id, call),
  };
}

async function waitForState(
  client: HetznerClient,
  id: string,
  want: 'running' | 'stopped' | 'gone',
  call: CallOptions,
): Promise<Vm | null> {
  const op = 'waitFor';
  const reached = await client.until(op, call, async () => {
    const vm = await getMachine(client, op, id, call);
    if (vm === null && want === 'gone') return { vm };
    if (vm === null) throw failure('not-found', op, `the machine is gone; it was to be ${want}`);
    if (vm.state === want) return { vm };
    const why =
      want === 'running' ? await findStartFailure(client, op, id, vm.state === 'stopped', call) : null;
    if (why === null) return undefined;
    // It may have started after it was looked at, and before its actions were.
    if (vm.state === 'stopped' && (await getMachine(client, op, id, call))?.state !== 'stopped')
      return undefined;
    throw failure('action-failed', op, `the machine is ${vm.rawState} and was to be running: ${why}`, {
      hints: ['see https://status.hetzner.com', 'try another region or another size'],
    });
  });
  if (reached) return reached.vm;
  throw failure('timeout', op, `the machine was not ${want} in time`, { retryable: true });
}

/** @throws ProviderError `protected` unless it carries the key; absent is success */
export async function destroyMachine(
  client: HetznerClient,
  op: string,
  id: string,
  expectKey: InstanceKey,
  call: CallOptions,
): Promise<void> {
  let ordered = false;
  const gone = await client.until(op, call, async () => {
    const vm = await getMachine(client, op, id, call);
    if (vm === null) return true;
    if (vm.key !== expectKey)
      throw failure('protected', op, 'the machine does not carry the key that it was to be destroyed by');
    if (ordered || vm.state === 'deleting') return undefined;
    ordered = await orderDeletion(client, op, `/servers/${vm.id}`, call);
    return ordered && (await getMachine(client, op, id, call)) === null ? true : undefined;
  });
  if (gone) return;
  throw failure('timeout', op, 'Hetzner Cloud still has the machine', {
    ...{ retryable: true, hints: ['try again'] },
  });
}

/** Whether the API took the order: not while it is still at work on the thing, or on something that needs it. */
export async function orderDeletion(
  client: HetznerClient,
  op: string,
  path: string,
  call: CallOptions,
): Promise<boolean> {
  try {
    await client.change({ op, method: 'DELETE', path, repeatable: true }, call, [404]);
    return true;
  } catch (error) {
    if (error instanceof ProviderError && error.providerCode === 'conflict') return false;
    throw error;
  }
}
