import type { GuardPolicy, GuardRequest, PausableSession } from '../../domain/guard.ts';
import { askPerson } from './ask-person.ts';

/** The yes or no of a person to signatures, one question at a time. */
export interface Consent {
  ask(request: GuardRequest, policy: GuardPolicy): Promise<boolean>;
  attach(session: PausableSession | null): void;
}

export function createConsent(instanceName: string, mayAsk: boolean): Consent {
  const given = new Set<string>();
  let terminal: PausableSession | null = null;
  let questions: Promise<unknown> = Promise.resolve();
  const askOnce = async (request: GuardRequest, policy: GuardPolicy): Promise<boolean> => {
    const { kind, hostFingerprint, user, keyFingerprint } = request;
    const subject = JSON.stringify([kind, hostFingerprint, user, keyFingerprint]);
    if (policy.confirm !== 'always' && given.has(subject)) return true;
    const question = { instanceName, request, timeoutMs: policy.confirmTimeoutMs };
    if (!mayAsk || !(await askPerson(question, terminal))) return false;
    given.add(subject);
    return true;
  };
  return {
    ask: (request, policy) => {
      const answer = questions.then(() => askOnce(request, policy));
      questions = answer.catch(() => undefined);
      return answer;
    },
    attach: (session) => {
      terminal = session;
    },
  };
}
