import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Vm } from '../../domain/provider.ts';
import type { HetznerClient } from './client.ts';
import { type Fields, optionalObject } from './fields.ts';
import { label, labelKey, labelsOf, selectorOf } from './labels.ts';
import { toVm } from './server-mapping.ts';
import { idPattern } from './server-request.ts';

/** The machine with that key, as the API tells of it. By label: a machine can be renamed. */
export async function findServer(
  client: HetznerClient,
  op: string,
  key: InstanceKey,
  call: CallOptions,
): Promise<Fields | null> {
  const query = { label_selector: selectorOf('machine', { [label.key]: key }) };
  const found = (await client.list(op, '/servers', call, query)).filter(
    (server) => labelKey(labelsOf(server)) === key,
  );
  return found.find((server) => server['name'] === `spuff-${key}`) ?? found[0] ?? null;
}

export async function findServerByName(
  client: HetznerClient,
  op: string,
  name: string,
  call: CallOptions,
): Promise<Fields | null> {
  const [server] = await client.list(op, '/servers', call, { name });
  return server ?? null;
}

/** null also for what can't be an id: nothing of it gets into a path. */
export async function getMachine(
  client: HetznerClient,
  op: string,
  id: string,
  call: CallOptions,
): Promise<Vm | null> {
  if (!idPattern.test(id)) return null;
  const answer = await client.read(op, `/servers/${id}`, call);
  return answer === null ? null : toVm(optionalObject(answer['server']), op);
}

/** Everything that bears the mark of a machine. */
export function listServers(client: HetznerClient, op: string, call: CallOptions): Promise<Fields[]> {
  return client.list(op, '/servers', call, { label_selector: selectorOf('machine') });
}
