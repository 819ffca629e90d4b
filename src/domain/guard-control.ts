/** The port by which the commands of the guard reach guards that run in other processes, and what this computer knows of hosts. */
import type { GuardStatus } from './guard.ts';
import type { InstanceKey } from './ids.ts';

/** `revoke` ends all signing, `reload` reads the policy again. */
export type GuardOperation = 'status' | 'revoke' | 'reload';

export type GuardAnswer = { instanceKey: InstanceKey; session: string } & (
  | { ok: true; status: GuardStatus }
  /** It runs, and did not do it; the text is for people. */
  | { ok: false; error: string }
);

export interface GuardControl {
  /** Tells every guard that runs for these instances. One whose process is gone is no guard, and what it left is removed. */
  tell(operation: GuardOperation, keys: readonly InstanceKey[]): Promise<GuardAnswer[]>;
  /**
   * The host keys, `type base64`, by which the user's own ssh knows a host: none that is revoked, and nothing is asked of
   * the network.
   */
  findHostKeys(host: string): Promise<string[]>;
}
