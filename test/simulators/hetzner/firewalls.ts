import type { SimAnswer, SimRequest } from '../sim-server.ts';
import {
  invalidInput,
  isoTime,
  notFound,
  page,
  pick,
  Refusal,
  readBody,
  readLabels,
  readName,
  showAction,
} from './answers.ts';
import type { SimFirewall, SimState } from './state.ts';

type Rule = Record<string, unknown>;

export function createFirewall(state: SimState, request: SimRequest): SimAnswer {
  const body = readBody(request);
  const name = readName(body);
  if ([...state.firewalls.values()].some((one) => one.name === name)) {
    const details = { fields: [{ name: 'name' }] };
    throw new Refusal(409, 'uniqueness_error', 'name is already used', details);
  }
  const firewall: SimFirewall = {
    ...{ id: state.nextId(), name, createdMs: state.clock.now(), labels: readLabels(body['labels']) },
    rules: readRules(body['rules'] ?? []),
    appliedTo: new Map(),
  };
  const serverIds = readTargets(state, body['apply_to'] ?? []);
  state.firewalls.set(firewall.id, firewall);
  const actions = serverIds.map((serverId) => apply(state, firewall, serverId));
  return { status: 201, body: { firewall: showFirewall(firewall), actions } };
}

function readRules(rules: unknown): Rule[] {
  return (rules as Rule[]).map((rule) => {
    const sources = (rule['source_ips'] ?? []) as string[];
    const wantsPort = ['tcp', 'udp'].includes(String(rule['protocol']));
    if (wantsPort !== (typeof rule['port'] === 'string')) throw invalidInput('rules', 'port');
    if (rule['direction'] === 'in' && sources.length === 0) throw invalidInput('rules', 'source_ips');
    if (sources.length > 100 || !sources.every((one) => one.includes('/')))
      throw invalidInput('rules', 'source_ips');
    return { description: null, port: null, destination_ips: [], ...rule, source_ips: sources };
  });
}

function readTargets(state: SimState, targets: unknown): number[] {
  return (targets as { type: string; server?: { id: number } }[]).map(({ type, server }) => {
    if (type !== 'server' || !server) throw invalidInput('apply_to', 'only servers are simulated');
    if (!state.servers.has(server.id))
      throw new Refusal(422, 'firewall_resource_not_found', 'firewall resource not found');
    return server.id;
  });
}

function apply(state: SimState, firewall: SimFirewall, serverId: number): unknown {
  firewall.appliedTo.set(serverId, Number.POSITIVE_INFINITY);
  const on = [
    { id: serverId, type: 'server' },
    { id: firewall.id, type: 'firewall' },
  ];
  return showAction(state.addAction('apply_firewall', on, 1_000), state.clock.now());
}

export function showFirewall({ id, name, createdMs, labels, rules, appliedTo }: SimFirewall): unknown {
  const applied = [...appliedTo.keys()].map((serverId) => ({ type: 'server', server: { id: serverId } }));
  return { id, name, labels, rules, created: isoTime(createdMs), applied_to: applied };
}

export function listFirewalls(state: SimState, request: SimRequest): SimAnswer {
  return page(request, 'firewalls', pick(request, state.firewalls.values()), showFirewall);
}

export function getFirewall(state: SimState, id: string | undefined): SimFirewall {
  const firewall = state.firewalls.get(Number(id));
  if (!firewall) throw notFound(`firewall with ID '${id}'`);
  return firewall;
}

export function setRules(state: SimState, request: SimRequest, id: string | undefined): SimAnswer {
  const firewall = getFirewall(state, id);
  firewall.rules = readRules(readBody(request)['rules'] ?? []);
  const on = [{ id: firewall.id, type: 'firewall' }];
  const action = state.addAction('set_firewall_rules', on, 1_000);
  return { status: 201, body: { actions: [showAction(action, state.clock.now())] } };
}

export function applyFirewall(state: SimState, request: SimRequest, id: string | undefined): SimAnswer {
  const firewall = getFirewall(state, id);
  const serverIds = readTargets(state, readBody(request)['apply_to'] ?? []);
  if (serverIds.some((serverId) => firewall.appliedTo.has(serverId)))
    throw new Refusal(422, 'firewall_already_applied', 'firewall already applied');
  return { status: 201, body: { actions: serverIds.map((serverId) => apply(state, firewall, serverId)) } };
}

export function removeFirewall(state: SimState, request: SimRequest, id: string | undefined): SimAnswer {
  const firewall = getFirewall(state, id);
  const targets = (readBody(request)['remove_from'] ?? []) as { server?: { id: number } }[];
  const actions = targets.map(({ server }) => {
    if (!server || !firewall.appliedTo.delete(server.id))
      throw new Refusal(422, 'firewall_resource_not_found', 'firewall resource not found');
    const on = [{ id: firewall.id, type: 'firewall' }];
    return showAction(state.addAction('remove_firewall', on, 1_000), state.clock.now());
  });
  return { status: 201, body: { actions } };
}

export function deleteFirewall(state: SimState, id: string | undefined): SimAnswer {
  const firewall = getFirewall(state, id);
  if (firewall.appliedTo.size > 0)
    throw new Refusal(422, 'resource_in_use', `firewall with ID '${firewall.id}' is still in use`);
  state.firewalls.delete(firewall.id);
  return { status: 204, body: '' };
}
