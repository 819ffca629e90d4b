import type { AuditLine } from '../../domain/audit.ts';
import type { Paint } from './terminal.ts';
import { oneLine } from './text.ts';

const widest = Math.max(...['host-key', 'signature', 'deadline'].map((kind) => kind.length));

/** One line for people: `2026-11-24 18:00:07  request  demo  POST /v1/servers: 201`. */
export function formatAuditLine({ at, kind, details }: AuditLine, paint: Paint): string {
  const when = new Date(at).toISOString().replace('T', ' ').slice(0, 19);
  const { instanceName, instanceKey } = details;
  const name = text(instanceName ?? instanceKey ?? '-');
  const parts = [`${when}Z`, oneLine(kind).padEnd(widest), name, say(kind, details)];
  return `${paint('dim', parts[0] ?? '')}  ${parts.slice(1).join('  ')}`;
}

type Details = AuditLine['details'];

function say(kind: string, details: Details): string {
  const sentence = sentences[kind];
  return oneLine(sentence ? sentence(details) : JSON.stringify(details));
}

const sentences: Readonly<Record<string, (details: Details) => string>> = {
  change: ({ provider, operation, what }) => `${text(provider)} ${text(operation)} ${list(what)}`,
  request: ({ provider, method, url, status, requestId }) => {
    const answer = status === null ? 'no answer' : text(status);
    return `${text(provider)} ${text(method)} ${text(url)}: ${answer}${requestId ? ` (${text(requestId)})` : ''}`;
  },
  'host-key': ({ event, fingerprint }) => `${text(event)} ${text(fingerprint ?? '')}`,
  signature: ({ decision, reason, request }) => {
    const { kind, user, destination, hostFingerprint } = toObject(request);
    const where = text(destination ?? hostFingerprint ?? '');
    return `${text(decision)}: ${text(kind)} ${user ? `${text(user)}@` : ''}${where}${reason ? ` (${text(reason)})` : ''}`;
  },
  command: ({ event, program, arguments: count, exitStatus }) =>
    `${text(program)} ${event === 'ended' ? `ended, ${text(exitStatus)}` : `with ${text(count)} arguments`}`,
  session: ({ event, lent, exitStatus }) =>
    `${text(event)}${event === 'closed' ? `, ${text(exitStatus)}` : `, lent: ${text(lent)}`}`,
  deadline: ({ event, until }) => `${text(event)}: ${until === null ? 'no end' : text(until)}`,
  end: ({ provider, machine, by, why, cost, snapshot }) =>
    `${text(provider)} ${text(machine)} is gone (${text(by)}, ${text(why)})${cost ? `, ${text(cost)}` : ''}${
      snapshot ? `, kept as ${text(snapshot)}` : ''
    }`,
};

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '-');
}

function list(value: unknown): string {
  return Object.entries(toObject(value))
    .map(([name, one]) => `${name}=${text(one)}`)
    .join(' ');
}

function toObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
