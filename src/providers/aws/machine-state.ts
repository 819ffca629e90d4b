import type { Vm, VmState, WhyOff } from '../../domain/provider.ts';
import { escapeText } from '../../lib/escape.ts';
import { placeId } from './endpoints.ts';
import { expiryOf, instanceNameOf, keyOf, onIdleOf, ownLabels, tag, tagsOf } from './labels.ts';
import { itemsOf, nodeAt, requireDate, requireText, textOf, type XmlNode } from './read-xml.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html */
const states: Readonly<Record<string, VmState>> = {
  pending: 'provisioning',
  running: 'running',
  'shutting-down': 'deleting',
  terminated: 'gone',
  stopping: 'stopping',
  stopped: 'stopped',
};

/**
 * A machine as the API tells it. What it may leave out is null here; a state that is not known is `unknown`.
 * @throws ProviderError `protocol` that names the part without which it is no machine
 */
export function toVm(item: XmlNode, region: string, op: string): Vm {
  const tags = tagsOf(item);
  const rawState = requireText(nodeAt(item, 'instanceState'), 'name', op);
  const state = Object.hasOwn(states, rawState) ? (states[rawState] ?? 'unknown') : 'unknown';
  const ipv4 = textOf(item, 'ipAddress');
  const ipv6 = ipv6Of(item);
  const host = ipv4 ?? ipv6;
  return {
    id: placeId(region, safe(requireText(item, 'instanceId', op))),
    key: keyOf(tags),
    name: safe(tags.get(tag.name) ?? ''),
    instanceName: instanceNameOf(tags),
    state,
    rawState: safe(rawState),
    ipv4: ipv4 === null ? null : safe(ipv4),
    ipv6: ipv6 === null ? null : safe(ipv6),
    ssh: host === null || state === 'gone' ? null : { host: safe(host), port: 22 },
    region,
    size: safe(requireText(item, 'instanceType', op)),
    arch: toArch(textOf(item, 'architecture')),
    createdAt: requireDate(item, 'launchTime', op),
    expiresAt: expiryOf(tags),
    onIdle: onIdleOf(tags),
    stoppedAt: null,
    labels: ownLabels(tags),
    billed: state !== 'gone',
  };
}

/** The machines of a page of reservations. */
export function instancesIn(reservations: readonly XmlNode[]): XmlNode[] {
  return reservations.flatMap((reservation) => itemsOf(reservation, 'instancesSet'));
}

/** `arm64_mac` is one of the words; whatever is not ARM is x86 of some kind. */
export function toArch(word: string | null): 'x86_64' | 'arm64' {
  return word?.startsWith('arm64') ? 'arm64' : 'x86_64';
}

function ipv6Of(item: XmlNode): string | null {
  const direct = textOf(item, 'ipv6Address');
  if (direct !== null) return direct;
  for (const nic of itemsOf(item, 'networkInterfaceSet')) {
    const [first] = itemsOf(nic, 'ipv6AddressesSet');
    const address = first ? textOf(first, 'ipv6Address') : null;
    if (address !== null) return address;
  }
  return null;
}

/** Why a machine is in its state, in AWS's words; null where AWS does not say. */
export function stateReason(item: XmlNode): string | null {
  const { code, message } = nodeAt(item, 'stateReason');
  const text = typeof message === 'string' && message !== '' ? message : code;
  return typeof text === 'string' && text !== '' ? safe(text) : null;
}

/**
 * Who stopped it, by the code of AWS. What AWS itself stopped is nobody's decision.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
 */
export function whyStopped(item: XmlNode): WhyOff {
  const code = textOf(nodeAt(item, 'stateReason'), 'code');
  if (code === 'Client.InstanceInitiatedShutdown') return 'guest';
  return code === 'Client.UserInitiatedShutdown' ? 'owner' : 'unknown';
}

/**
 * When its state was asked for, which AWS tells in words alone, such as `User initiated (2026-11-23 10:00:00 GMT)`, and only
 * where it was asked for by a request: the reason may be empty. It tells of machines that have ended for about an hour.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html (`reason`)
 */
export function timeOfReason(item: XmlNode): Date | null {
  const [, day, time] =
    /\((\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (?:GMT|UTC)\)/.exec(textOf(item, 'reason') ?? '') ?? [];
  const moment = new Date(`${day}T${time}Z`);
  return Number.isNaN(moment.getTime()) ? null : moment;
}

function safe(text: string): string {
  return escapeText(text, { singleLine: true }).slice(0, 300);
}
