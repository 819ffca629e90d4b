import { isIPv4, isIPv6 } from 'node:net';
import type { ContainerInspectInfo } from 'dockerode';
import type { Vm, VmState } from '../../domain/provider.ts';
import { escapeText } from '../../lib/escape.ts';
import { labelArch } from './image-lookup.ts';
import { label, labelDate, labelInstance, labelKey, labelText, localRegion, ownLabels } from './labels.ts';

type State = ContainerInspectInfo['State'];

/** A boot that ends this soon and badly was none. */
const bootMs = 10_000;

/** What an engine says of a container, as the port says it. Nothing in it is trusted to be well formed. */
export function toVm(info: ContainerInspectInfo): Vm {
  const labels = info.Config.Labels;
  const size = labelText(labels, label.size);
  return {
    id: info.Id,
    key: labelKey(labels),
    name: safe(info.Name.replace(/^\//, '')),
    instanceName: labelInstance(labels),
    state: stateOf(info.State),
    rawState: safe(info.State.Status),
    ipv4: addressesOf(info).find(isIPv4) ?? null,
    ipv6: addressesOf(info).find(isIPv6) ?? null,
    ssh: sshOf(info),
    region: localRegion,
    arch: labelArch(labels),
    size: size === null ? '' : safe(size),
    createdAt: new Date(info.Created),
    expiresAt: labelDate(labels, label.expires),
    onIdle: labelText(labels, label.onIdle) === 'snapshot' ? 'snapshot' : 'destroy',
    stoppedAt: stateOf(info.State) === 'stopped' ? dateOrNull(info.State.FinishedAt) : null,
    labels: ownLabels(labels),
    billed: false,
  };
}

function stateOf(state: State): VmState {
  switch (state.Status) {
    case 'created':
      return state.Error === '' ? 'provisioning' : 'failed';
    case 'running':
    case 'paused':
      return 'running';
    case 'restarting':
      return 'provisioning';
    case 'stopping':
      return 'stopping';
    case 'removing':
      return 'deleting';
    case 'exited':
    case 'stopped':
      return hasFailed(state) ? 'failed' : 'stopped';
    case 'dead':
      return 'failed';
    // Podman's word for a container that was made and not started.
    case 'configured':
    case 'initialized':
      return 'provisioning';
    default:
      return 'unknown';
  }
}

/** An orderly power-off ends with 0; a computer that went down under it, with 137 or 255 after a while. */
function hasFailed(state: State): boolean {
  if (state.Error !== '') return true;
  if (state.OOMKilled && state.ExitCode === 137) return true;
  const ranMs = Date.parse(state.FinishedAt) - Date.parse(state.StartedAt);
  return state.ExitCode !== 0 && ranMs < bootMs;
}

function addressesOf(info: ContainerInspectInfo): string[] {
  const networks = Object.values(info.NetworkSettings.Networks ?? {});
  return networks.flatMap((network) => [network.IPAddress, network.GlobalIPv6Address]);
}

/** The published port; the engine gives it when the machine starts, and another one when it starts again. */
function sshOf(info: ContainerInspectInfo): Vm['ssh'] {
  for (const binding of info.NetworkSettings.Ports?.['22/tcp'] ?? []) {
    const port = Number(binding.HostPort);
    if (binding.HostIp === '127.0.0.1' && Number.isInteger(port) && port > 0 && port < 65_536) {
      return { host: '127.0.0.1', port };
    }
  }
  return null;
}

function dateOrNull(text: string): Date | null {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}

function safe(text: string): string {
  return escapeText(text, { singleLine: true }).slice(0, 300);
}
