/** What the guard refused, in words for the person whose keys they are. */
import { forgeNames } from '../domain/forge-keys.ts';
import { type GuardRecord, refusals } from '../domain/guard.ts';
import { escapeText } from '../lib/escape.ts';
import { quoteArgument } from '../lib/shell-quote.ts';

export interface RefusalText {
  message: string;
  /** What would make it work; null where nothing should. */
  hint: string | null;
}

/** Names in a request come from the machine: they are escaped, and quoted where a command is made of them. */
export function describeRefusal(record: GuardRecord): RefusalText {
  const name = show(record.instanceName);
  const what = record.request.kind === 'other' ? 'refused a request' : 'refused a signature';
  return {
    message: `${what}: ${name} asked ${describeWish(record)}, but ${describeReason(record)}`,
    hint: findRemedy(record),
  };
}

function describeWish({ request }: GuardRecord): string {
  if (request.kind === 'commit') return 'to sign a git commit or tag';
  if (request.kind === 'other') return 'something of your ssh-agent';
  const host = request.destination ?? request.hostFingerprint ?? 'a host';
  return `to log in to ${show(host)} as ${show(request.user ?? '?')}`;
}

function describeReason({ reason }: GuardRecord): string {
  return reason === null ? 'it was allowed' : refusals[reason];
}

function findRemedy({ reason, request, instanceName }: GuardRecord): string | null {
  const instance = quoteArgument(instanceName);
  switch (reason) {
    case 'destination':
      return `to allow it: spuff guard allow HOST --host-key ${quoteArgument(request.hostFingerprint ?? '')}`;
    case 'user':
      if (forgeNames.includes(request.destination ?? '')) return 'everyone is git at a built-in forge';
      return `to allow it: spuff guard allow ${quoteArgument(request.destination ?? '')} --user ${quoteArgument(show(request.user ?? ''))}`;
    case 'unbound':
      return 'clients on libssh2 or dropbear never say it: use OpenSSH there (cargo: CARGO_NET_GIT_FETCH_WITH_CLI=true)';
    case 'commit-signing':
      return 'to allow it: spuff guard allow --commit-signing confirm';
    case 'key':
      return `see which keys it may use: spuff guard status ${instance}`;
    case 'lease-over':
    case 'revoked':
      return `open a new session: spuff ssh ${instance}`;
    case 'rate':
      return `see what it signed: spuff guard log ${instance}`;
    default:
      return null;
  }
}

function show(text: string): string {
  return escapeText(text, { singleLine: true }).slice(0, 200);
}
