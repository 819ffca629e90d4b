import type { CallOptions, Vm, VmSpec } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { HttpsAnswer } from '../../lib/https.ts';
import { type HetznerClient, pollPolicy } from './client.ts';
import { failure } from './errors.ts';
import { type Fields, optionalObject, readObject } from './fields.ts';
import { ensureFirewall } from './firewall.ts';
import { labelKey, labelsOf } from './labels.ts';
import { type LoginKey, parseLoginKeys } from './login-keys.ts';
import { findServer, findServerByName } from './server-lookup.ts';
import { toVm } from './server-mapping.ts';
import { checkSpec, serverRequest } from './server-request.ts';
import { ensureSshKeys } from './ssh-keys.ts';

const op = 'create';
/** Orders in all; more than a few for a name that is taken get an account locked. */
const maxOrders = 3;

/** How long a fresh machine may be missing from lists. The API promises nothing; the name's being unique keeps a second one out. */
export const listLagSeconds = 10;

/** What a machine is made with; it has to be there before the order. */
interface Parts {
  sshKeys: number[];
  firewall: number | null;
}

/**
 * The name is unique in a project, so that the API itself refuses a second machine. Each step does nothing when it was
 * done before: a call that died half-way is finished by the next.
 */
export async function createMachine(client: HetznerClient, spec: VmSpec, call: CallOptions): Promise<Vm> {
  checkSpec(spec, op);
  const keys = parseLoginKeys(spec.sshPublicKeys, op);
  const existing = (await findNamed(client, spec, call)) ?? (await findServer(client, op, spec.key, call));
  if (existing) return toVm(existing, op);
  let parts = await prepare(client, spec, keys, call);
  for (let orders = 1; ; orders++) {
    const outcome = await order(client, spec, keys, parts, call);
    if (!(outcome instanceof ProviderError)) return toVm(outcome, op);
    if (['invalid', 'not-found'].includes(outcome.providerCode) && orders < maxOrders) {
      // Another spuff at its end may have taken away a key or a firewall that seemed to be of no use any more.
      const again = await prepare(client, spec, keys, call);
      if (JSON.stringify(again) === JSON.stringify(parts)) throw outcome;
      parts = again;
      continue;
    }
    if (!isUnclear(outcome)) throw outcome;
    const made = await lookUp(client, spec, call);
    if (made) return toVm(made, op);
    if (orders === maxOrders || client.runtime.now() >= call.deadline.getTime()) throw ambiguous(outcome);
  }
}

async function prepare(
  client: HetznerClient,
  spec: VmSpec,
  keys: readonly LoginKey[],
  call: CallOptions,
): Promise<Parts> {
  const sshKeys = await ensureSshKeys(client, spec, keys, call);
  const { firewall } = spec;
  return {
    sshKeys,
    firewall: firewall ? await ensureFirewall(client, spec, firewall.allowSshFrom, call) : null,
  };
}

/** Gives the error of an answer, throws anything else. */
async function order(
  client: HetznerClient,
  spec: VmSpec,
  keys: readonly LoginKey[],
  parts: Parts,
  call: CallOptions,
): Promise<Fields | ProviderError> {
  try {
    const body = serverRequest(spec, keys, parts);
    const change = { op, method: 'POST', path: '/servers', body, repeatable: false } as const;
    return readServer(await client.change(change, call));
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
}

/** The answer may hold a root password, so nothing of one that can't be read gets into the error. */
function readServer(answer: HttpsAnswer): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer.body);
  } catch {
    throw failure('protocol', op, `Hetzner Cloud gave no JSON (HTTP ${answer.status})`);
  }
  return readObject(optionalObject(parsed)['server'], { op, path: 'server' });
}

/** Whether the machine may be there all the same: nothing was heard, or the name is taken. */
function isUnclear({ providerCode }: ProviderError): boolean {
  return ['ambiguous', 'server', 'protocol', 'name-taken'].includes(providerCode);
}

/** Looks for it as long as it may be missing from lists; the last look comes after that. */
async function lookUp(client: HetznerClient, spec: VmSpec, call: CallOptions): Promise<Fields | null> {
  const untilMs = client.runtime.now() + listLagSeconds * 1_000 + pollPolicy.maxDelayMs;
  const look = async () => (await findNamed(client, spec, call)) ?? undefined;
  try {
    return (await client.until(op, call, look, untilMs)) ?? null;
  } catch (error) {
    // Out of time, and still nobody knows whether there is one.
    if (error instanceof ProviderError && error.providerCode === 'timeout') return null;
    throw error;
  }
}

/** @throws ProviderError `name-taken` when a machine of that name is not this one: it is never adopted */
async function findNamed(client: HetznerClient, spec: VmSpec, call: CallOptions): Promise<Fields | null> {
  const server = await findServerByName(client, op, spec.name, call);
  if (server === null || labelKey(labelsOf(server)) === spec.key) return server;
  throw failure('name-taken', op, `a server that does not carry spuff's label bears the name ${spec.name}`, {
    hints: ['rename it in the Cloud Console: https://console.hetzner.cloud'],
  });
}

function ambiguous(cause: ProviderError): ProviderError {
  const { status, rawCode, requestId } = cause.info;
  const unknown = cause.providerCode === 'ambiguous' ? '' : '; whether the machine was made is not known';
  return new ProviderError('ambiguous', `${cause.message}${unknown}, and it is not listed`, {
    ...{ provider: 'hetzner', op, retryable: true, cause },
    ...(status !== undefined && { status }),
    ...(rawCode !== undefined && { rawCode }),
    ...(requestId !== undefined && { requestId }),
    hints: ['try again: the same machine is looked up before another is ordered'],
  });
}
