import type { AgentResponse } from '../../app/ask-agent.ts';
import type { Explanation, Verdict } from '../../app/explain-idleness.ts';
import type { Part } from '../../app/instance-status.ts';
import { formatDuration } from '../../domain/duration.ts';
import { formatMoney } from '../../domain/money.ts';
import type { Paint } from './terminal.ts';
import { type Field, formatFields, formatMoment, formatTime } from './text.ts';
import { drawTimeline } from './timeline.ts';

type Activity = AgentResponse<'activity'>;

export interface WhyLook {
  columns: number;
  unicode: boolean;
  paint: Paint;
}

/** An explanation for people: the verdict, each signal, and a picture of the last hours. */
export function describeWhy(explanation: Explanation, look: WhyLook): string {
  const { activity, history, checkedAt } = explanation;
  const nowMs = checkedAt.getTime();
  const sections = [formatFields(verdictFields(explanation, nowMs), look.paint)];
  if (activity.ok) {
    sections.push(formatFields(signalFields(activity.value, nowMs), look.paint));
    const picture = history && drawTimeline(history, { ...look, nowMs, busyFrom: levelsOf(activity.value) });
    if (picture !== null) sections.push(picture);
  }
  return sections.join('\n\n');
}

/** One line, for a terminal that is only told what changes. */
export function summarizeWhy({ instance, verdict, machine, checkedAt }: Explanation): string {
  if (verdict === null) return `${instance.name}: ${describeMachine(machine)}`;
  return `${instance.name} ${describeUse(verdict, checkedAt.getTime())}; ${describeEnd(verdict, checkedAt.getTime())}`;
}

function verdictFields(explanation: Explanation, nowMs: number): Field[] {
  const { instance, machine, activity, verdict, cost } = explanation;
  const isKnown = verdict !== null;
  return [
    ['machine', `${instance.name}, ${describeMachine(machine)}`],
    ['verdict', isKnown ? describeUse(verdict, nowMs) : `not known: ${describeMissing(activity)}`],
    ['kept', verdict?.heldUntil && activity.ok ? describeHold(activity.value, nowMs) : null],
    ['end', isKnown ? describeEnd(verdict, nowMs) : null],
    ['lease', instance.expiresAt === null ? 'no end' : `ends ${formatMoment(instance.expiresAt, nowMs)}`],
    ['cost', cost === null ? null : describeCost(cost)],
    ['off', describeBill(explanation)],
  ];
}

function describeUse({ inUse, why, idleSince }: Verdict, nowMs: number): string {
  if (inUse) return `in use: ${why.join('; ')}`;
  const idle = idleSince === null ? '' : ` for ${formatDuration(nowMs - idleSince.getTime())}`;
  return `nobody has used it${idle} (last sign: ${why.join()})`;
}

function describeEnd({ actsAt, reason, inUse, isWarned }: Verdict, nowMs: number): string {
  if (actsAt === null) return 'it does not end by itself';
  const when = formatMoment(actsAt, nowMs);
  const earliest = inUse && reason !== 'the lease is over' ? ' at the earliest' : '';
  return `powers off ${when}${earliest}: ${reason}${isWarned ? ' (its terminals have been told)' : ''}`;
}

function describeHold({ hold }: Activity, nowMs: number): string | null {
  return hold ? `on for ${formatDuration(Date.parse(hold.until) - nowMs)} more: ${hold.reason}` : null;
}

function describeCost({ soFar, byThen }: NonNullable<Explanation['cost']>): string {
  const spent = `${formatMoney(soFar, 4)} so far`;
  return byThen === null ? spent : `${formatMoney(byThen, 4)} by then, ${spent}`;
}

/** Only where it is not what everybody expects. */
function describeBill({ guestPoweroff, instance }: Explanation): string | null {
  if (guestPoweroff !== 'nothing' || instance.tariff === null) return null;
  return 'billed on while it is off, until it is destroyed';
}

function describeMachine(machine: Explanation['machine']): string {
  return machine.ok ? (machine.value?.state ?? 'gone') : `not known: ${describeMissing(machine)}`;
}

function describeMissing(part: Part<unknown>): string {
  if (part.ok) return '';
  return part.error === null ? part.why : part.error.message;
}

function signalFields({ signals, idle }: Activity, nowMs: number): Field[] {
  const { sessions, calls, heartbeats, exec, setup, cpu, processes, containers, network } = signals;
  const ago = (time: string | null) => formatTime(time, nowMs) ?? 'never';
  const level = (used: number | null, from: number, lastBusyAt: string | null) =>
    `${used === null ? 'not measured yet' : `${used.toFixed(2)} cores`} (use from ${from}), last ${ago(lastBusyAt)}`;
  const top = processes?.top.map(({ name, usedCores }) => `${name} ${usedCores.toFixed(2)}`).join(', ') ?? '';
  return [
    ['terminals', `${sessions.count} open, last key ${ago(sessions.lastInputAt)}`],
    ['calls', `last ${ago(calls.lastAt)}`],
    [
      'heartbeats',
      heartbeats.lastInteractiveAt === null ? null : `last ${ago(heartbeats.lastInteractiveAt)}`,
    ],
    ['commands', `${exec.running} running, last ${ago(exec.lastAt)}`],
    ['setup', setup?.lastAt ? (setup.running ? 'at work' : `last ${ago(setup.lastAt)}`) : null],
    ['cpu', level(cpu.usedCores, cpu.busyFromCores, cpu.lastBusyAt)],
    [
      'processes',
      processes
        ? `${level(processes.usedCores, processes.busyFromCores, processes.lastBusyAt)}${top && `: ${top}`}`
        : null,
    ],
    [
      'containers',
      containers && containers.count > 0
        ? `${containers.count}, ${level(containers.usedCores, containers.busyFromCores, containers.lastBusyAt)}`
        : null,
    ],
    ['network', network ? describeNetwork(network, ago) : null],
    ['time-out', idle.timeoutSeconds === null ? 'none' : formatDuration(idle.timeoutSeconds * 1_000)],
  ];
}

function describeNetwork(
  network: NonNullable<Activity['signals']['network']>,
  ago: (time: string | null) => string,
): string {
  const kilo = (bytes: number) => `${(bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0)} kB/s`;
  const now = network.bytesPerSecond === null ? 'not measured yet' : kilo(network.bytesPerSecond);
  return `${now} (use from ${kilo(network.busyFromBytesPerSecond)}), last ${ago(network.lastBusyAt)}`;
}

function levelsOf({ signals }: Activity) {
  return {
    cpu: signals.cpu.busyFromCores,
    processes: signals.processes?.busyFromCores ?? 0,
    containers: signals.containers?.busyFromCores ?? 0,
    network: signals.network?.busyFromBytesPerSecond ?? 0,
  };
}

/** The shape `why` of docs/json.md. */
export function whyToJson(explanation: Explanation): object {
  const { instance, checkedAt, machine, activity, history, verdict, cost, guestPoweroff } = explanation;
  const toJson = (part: Part<unknown>, value: unknown) => {
    if (part.ok) return { ok: true, value };
    const { code, message } = part.error ?? { code: 'conflict', message: describeMissing(part) };
    return { ok: false, error: { code, message } };
  };
  return {
    version: 1,
    instance: instance.name,
    checkedAt: checkedAt.toISOString(),
    machine: toJson(machine, machine.ok ? (machine.value?.state ?? 'gone') : null),
    activity: toJson(activity, activity.ok ? activity.value : null),
    history,
    verdict: verdict && {
      ...verdict,
      idleSince: verdict.idleSince?.toISOString() ?? null,
      heldUntil: verdict.heldUntil?.toISOString() ?? null,
      actsAt: verdict.actsAt?.toISOString() ?? null,
    },
    expiresAt: instance.expiresAt?.toISOString() ?? null,
    tariff: instance.tariff,
    cost,
    guestPoweroff,
  };
}
