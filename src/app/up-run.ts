/** What the steps of `up` work on: one instance, its provider and the record of both. */
import { randomBytes } from 'node:crypto';
import { makeInstanceKey } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import type { OnIdle, Provider, VmSpec } from '../domain/provider.ts';
import type { Ssh } from '../domain/ssh.ts';
import type { StateStore } from '../domain/state.ts';
import { hashAgentToken, makeAgentToken } from '../lib/agent-token.ts';
import type { AppContext } from './context.ts';
import type { UpPlan } from './plan-up.ts';
import { wrongByMs } from './provider-clock.ts';

/** What creating needs beyond the instance's own record; kept in the journal so that a resumed `create` asks the same. */
export interface CreateInputs {
  sshPublicKeys: readonly string[];
  owner: string;
  /** Tried in this order after the instance's own, where there is no room. */
  otherRegions: readonly string[];
  allowSshFrom: readonly string[] | null;
  spot: boolean;
  onIdle: OnIdle;
  /**
   * The times of the record are by the provider's clock. They can't be told from others by the machine's: it may have been
   * ordered long after, by a run that went on with what another one had begun.
   */
  isProviderTime: boolean;
}

export interface UpRun {
  context: AppContext;
  provider: Provider;
  ssh: Ssh;
  state: StateStore;
  inputs: CreateInputs;
  /** The record as it stands; replaced by `change`. */
  instance: Instance;
  /** An order has gone out, and whether it made a machine is not known. */
  isOrderOpen?: boolean;
}

/** Changes the instance's record on disk and in the run. */
export function change(run: UpRun, fields: Partial<Omit<Instance, 'key'>>): void {
  run.instance = run.state.updateInstance(run.instance.key, fields);
}

/**
 * A new instance as the plan wants it, with its own key, token and one-time host key. Nothing is written yet. Its times are
 * the provider's: whatever becomes of this run, reapers go by them.
 */
export function draftInstance(context: AppContext, plan: UpPlan, ssh: Ssh): Instance {
  const nowMs = context.runtime.now() + wrongByMs(plan.clockAheadMs);
  const key = makeInstanceKey(nowMs, randomBytes(10));
  const hostKey = ssh.makeHostKey(`spuff-one-time-${key}`);
  return {
    key,
    name: plan.name,
    provider: plan.provider,
    phase: 'creating',
    vmId: null,
    region: plan.region,
    size: plan.size,
    arch: null,
    image: plan.image,
    user: plan.user,
    ssh: null,
    sshPublicKeyPath: plan.keys.publicKeyPath,
    tailnet: null,
    hostIdentity: {
      phase: 'booting',
      injectedPublicKey: hostKey.publicKey,
      injectedPrivateKey: hostKey.privateKey,
    },
    agentToken: makeAgentToken(),
    agent: null,
    directory: plan.directory,
    createdAt: new Date(nowMs),
    readyAt: null,
    expiresAt: plan.ttlMs === null ? null : new Date(nowMs + plan.ttlMs),
    idleTimeoutMs: plan.idleTimeoutMs,
    tariff: plan.tariff,
    vmState: null,
  };
}

/**
 * The provider's order for an instance. The same record gives the same order, byte for byte.
 * @throws SpuffError `config` when the user data is too large for the provider; `internal` after first contact, when the
 * one-time key is gone and nothing may be ordered any more
 */
export async function specOf(instance: Instance, inputs: CreateInputs, provider: Provider): Promise<VmSpec> {
  const { buildUserData } = await import('../bootstrap/user-data.ts');
  const identity = instance.hostIdentity;
  if (identity.phase !== 'booting')
    throw new TypeError('an instance is ordered before its first contact only');
  return {
    key: instance.key,
    name: `spuff-${instance.key}`,
    instanceName: instance.name,
    region: instance.region,
    size: instance.size,
    image: instance.image,
    sshPublicKeys: inputs.sshPublicKeys,
    owner: inputs.owner,
    expiresAt: instance.expiresAt,
    ...(inputs.allowSshFrom && { firewall: { allowSshFrom: inputs.allowSshFrom } }),
    ...(inputs.spot && { spot: true }),
    ...(inputs.onIdle === 'snapshot' && { onIdle: inputs.onIdle }),
    userData: buildUserData({
      user: instance.user,
      hostName: instance.name,
      key: instance.key,
      sshPublicKeys: inputs.sshPublicKeys,
      injectedHostKey: { publicKey: identity.injectedPublicKey, privateKey: identity.injectedPrivateKey },
      agentTokenSha256: hashAgentToken(instance.agentToken),
      maxUserDataBytes: provider.caps.maxUserDataBytes,
    }),
  };
}
