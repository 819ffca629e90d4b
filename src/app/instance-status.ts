import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { Vm } from '../domain/provider.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import { type AgentClient, connectAgent } from './agent-client.ts';
import { type AppContext, callOptions } from './context.ts';
import { noteVmStates } from './note-vm-state.ts';

/** A part that could not be had carries the error instead. */
export type Part<T> =
  | { ok: true; value: T }
  | { ok: false; error: SpuffError }
  | { ok: false; error: null; why: string };

export interface InstanceStatus {
  instance: Instance;
  checkedAt: Date;
  /** What the provider says; `value` null: there is no such machine. */
  machine: Part<Vm | null>;
  agent: Part<AgentResponse<'status'>>;
  cloudInit: Part<AgentResponse<'cloudInit'>>;
  activity: Part<AgentResponse<'activity'>>;
  /** Only when asked for. */
  detail: {
    metrics: Part<AgentResponse<'metrics'>>;
    processes: Part<AgentResponse<'processes'>>;
    setup: Part<AgentResponse<'projectStatus'>>;
  } | null;
}

/** Asks the provider and the agent. What one of them can't answer does not hide what the other says. */
export async function readStatus(
  context: AppContext,
  instance: Instance,
  options: { detailed: boolean },
): Promise<InstanceStatus> {
  const [machine, client] = await Promise.all([
    attempt(() => askProvider(context, instance)),
    instance.phase === 'ready' ? attempt(() => connectAgent(context, instance)) : notReady(instance),
  ]);
  const ask = <T>(question: (agent: AgentClient) => Promise<T>): Promise<Part<T>> =>
    client.ok ? attempt(() => question(client.value)) : Promise.resolve(client);
  const [agent, cloudInit, activity, metrics, processes, setup] = await Promise.all([
    ask((it) => it.ask('status')),
    ask((it) => it.ask('cloudInit')),
    ask((it) => it.ask('activity')),
    options.detailed ? ask((it) => it.ask('metrics')) : null,
    options.detailed ? ask((it) => it.ask('processes', { limit: '10' })) : null,
    options.detailed ? ask((it) => it.ask('projectStatus')) : null,
  ]);
  return {
    instance: (await context.state()).getInstance(instance.key) ?? instance,
    checkedAt: new Date(context.runtime.now()),
    machine,
    agent,
    cloudInit,
    activity,
    detail: metrics && processes && setup ? { metrics, processes, setup } : null,
  };
}

/** What kept the status from being complete, the most basic first; null when nothing did. */
export function statusError(status: InstanceStatus): SpuffError | null {
  const parts = [status.machine, status.agent, status.cloudInit, status.activity];
  const failed = parts.find(
    (part): part is { ok: false; error: SpuffError } => !part.ok && part.error !== null,
  );
  return failed?.error ?? null;
}

/** What the provider says of the machine, which is noted; null: it has none. */
export async function askProvider(context: AppContext, instance: Instance): Promise<Vm | null> {
  const provider = await context.provider(instance.provider);
  const options = callOptions(context, 30_000);
  const vm =
    instance.vmId === null
      ? await provider.find(instance.key, options)
      : await provider.get(instance.vmId, options);
  const vmState = { state: vm?.state ?? ('gone' as const), checkedAt: new Date(context.runtime.now()) };
  noteVmStates(await context.state(), [{ instance, vmState }]);
  return vm;
}

export function notReady(instance: Instance): { ok: false; error: null; why: string } {
  return {
    ok: false,
    error: null,
    why: instance.phase === 'creating' ? 'not installed yet' : 'being destroyed',
  };
}

/** @throws whatever is no foreseen failure, and `interrupted` */
export async function attempt<T>(question: () => Promise<T>): Promise<Part<T>> {
  try {
    return { ok: true, value: await question() };
  } catch (error) {
    if (!(error instanceof SpuffError) || error.code === 'interrupted' || error.code === 'internal')
      throw error;
    return { ok: false, error };
  }
}
