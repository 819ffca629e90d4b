import type { InstanceStatus, Part } from '../../app/instance-status.ts';
import { formatDuration } from '../../domain/duration.ts';
import { instanceToJson } from './instance.ts';
import { describeMetrics, describeProcesses } from './machine.ts';
import { describeSetup } from './setup.ts';
import type { Paint } from './terminal.ts';
import { type Field, formatFields, formatMoment, formatTime } from './text.ts';

/** A status for people. */
export function describeStatus(status: InstanceStatus, paint: Paint): string {
  const nowMs = status.checkedAt.getTime();
  const sections = [formatFields([...machineFields(status, nowMs), ...agentFields(status, nowMs)], paint)];
  const setup = status.detail?.setup.ok ? status.detail.setup.value : null;
  if (setup !== null && setup.project !== null) sections.push(describeSetup(setup, paint));
  if (status.detail?.metrics.ok) sections.push(describeMetrics(status.detail.metrics.value, paint));
  if (status.detail?.processes.ok) sections.push(describeProcesses(status.detail.processes.value, paint));
  return sections.join('\n\n');
}

function machineFields({ instance, machine }: InstanceStatus, nowMs: number): Field[] {
  const vm = machine.ok ? machine.value : null;
  const address = vm?.ipv4 ?? vm?.ipv6 ?? null;
  return [
    ['name', instance.name],
    ['phase', instance.phase === 'ready' ? null : `${instance.phase}, and perhaps interrupted: see spuff ls`],
    ['machine', machine.ok ? (vm?.state ?? 'gone') : describeMissing(machine)],
    ['provider', `${instance.provider}, ${instance.region}, ${instance.size}`],
    ['address', address],
    ['ssh', instance.ssh === null ? null : `${instance.user}@${instance.ssh.host} port ${instance.ssh.port}`],
    ['host key', instance.hostIdentity.phase === 'pinned' ? 'its own, pinned' : instance.hostIdentity.phase],
    ['made', formatMoment(instance.createdAt, nowMs)],
    ['lease', instance.expiresAt === null ? 'no end' : `ends ${formatMoment(instance.expiresAt, nowMs)}`],
    ['directory', instance.directory],
  ];
}

function agentFields({ agent, cloudInit, activity, instance }: InstanceStatus, nowMs: number): Field[] {
  return [
    ['agent', agent.ok ? describeAgent(agent.value) : describeMissing(agent)],
    ['cloud-init', cloudInit.ok ? describeCloudInit(cloudInit.value) : null],
    ['idle', activity.ok ? describeIdle(activity.value.idle, nowMs) : idleSetting(instance.idleTimeoutMs)],
    ['next', activity.ok && activity.value.next ? describeNext(activity.value.next, nowMs) : null],
  ];
}

function describeAgent(agent: { version: string; uptimeSeconds: number; problems: string[] }): string {
  const problems = agent.problems.length > 0 ? `; ${agent.problems.join('; ')}` : '';
  return `${agent.version}, up ${formatDuration(agent.uptimeSeconds * 1_000)}${problems}`;
}

function describeCloudInit({
  status,
  stage,
  errors,
}: {
  status: string;
  stage: string | null;
  errors: string[];
}): string {
  return [status, ...(stage === null ? [] : [`in ${stage}`]), ...errors].join('; ');
}

function describeIdle(
  idle: {
    timeoutSeconds: number | null;
    keptOnBy: string[];
    lastActiveAt: string;
    powerOffAt: string | null;
  },
  nowMs: number,
): string {
  if (idle.timeoutSeconds === null) return 'never off';
  if (idle.powerOffAt === null) return `kept on: ${idle.keptOnBy.join('; ')}`;
  return `since ${formatTime(idle.lastActiveAt, nowMs)}; off ${formatTime(idle.powerOffAt, nowMs)}`;
}

function idleSetting(idleTimeoutMs: number | null): string {
  return idleTimeoutMs === null ? 'never off' : `off after ${formatDuration(idleTimeoutMs)} without use`;
}

function describeNext(next: { what: string; at: string; why: string }, nowMs: number): string {
  return `${next.what} ${formatTime(next.at, nowMs)}: ${next.why}`;
}

type Missing = Extract<Part<unknown>, { ok: false }>;

function describeMissing(part: Missing): string {
  return part.error === null ? part.why : `not known: ${part.error.message}`;
}

/** The shape `status` of docs/json.md. */
export function statusToJson(status: InstanceStatus): object {
  const { machine, agent, cloudInit, activity, detail } = status;
  return {
    version: 1,
    checkedAt: status.checkedAt.toISOString(),
    instance: instanceToJson(status.instance),
    machine: partToJson(
      machine,
      (vm) =>
        vm && {
          id: vm.id,
          state: vm.state,
          rawState: vm.rawState,
          ipv4: vm.ipv4,
          ipv6: vm.ipv6,
          billed: vm.billed,
        },
    ),
    agent: partToJson(agent),
    cloudInit: partToJson(cloudInit),
    activity: partToJson(activity),
    ...(detail && {
      metrics: partToJson(detail.metrics),
      processes: partToJson(detail.processes),
      setup: partToJson(detail.setup),
    }),
  };
}

function partToJson<T>(part: Part<T>, select: (value: T) => unknown = (value) => value): object {
  if (part.ok) return { ok: true, value: select(part.value) };
  const { code, message } = part.error ?? { code: 'conflict', message: part.error === null ? part.why : '' };
  return { ok: false, error: { code, message } };
}
