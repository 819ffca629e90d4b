import { existsSync } from 'node:fs';
import type { Guard, GuardOptions } from '../../domain/guard.ts';
import type { SshTarget } from '../../domain/ssh.ts';
import { findUserAgent } from '../agent-keys.ts';
import { isSocketAlive } from '../shared-connection.ts';
import { type GuardPlace, openGuard } from './guard-server.ts';

/** @returns null when there is no ssh-agent to guard */
export async function openGuardFor(
  target: SshTarget,
  place: Pick<GuardPlace, 'runtime' | 'audit' | 'runDirectory'>,
  options: GuardOptions,
): Promise<Guard | null> {
  if (target.identity.phase !== 'pinned')
    throw new TypeError('a machine is pinned before it is lent anything');
  const upstreamPath = await findUserAgent();
  if (upstreamPath === null || !existsSync(upstreamPath) || !(await isSocketAlive(upstreamPath))) return null;
  const hostKey = Buffer.from(target.identity.publicKey.split(' ')[1] ?? '', 'base64');
  const machine = { key: target.key, name: target.name, hostKey };
  return openGuard({ ...place, upstreamPath, machine }, options);
}
