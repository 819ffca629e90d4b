import { ProviderError, type ProviderErrorCode } from '../../domain/provider-error.ts';
import { type ApiRequest, showRemote } from '../../lib/api-client.ts';
import type { HttpsAnswer } from '../../lib/https.ts';
import { optionalArray, optionalObject, optionalText } from './fields.ts';

/** In the Console's words: what a token needs. A project has no finer scopes. */
export const neededPermission = 'Read & Write';

/**
 * What a status means, refined by the code below it where the API uses one status for several things.
 * @see https://docs.hetzner.cloud/reference/cloud#description/errors
 */
const codeOfStatus: Readonly<Record<number, ProviderErrorCode>> = {
  400: 'invalid',
  401: 'auth',
  403: 'forbidden',
  404: 'not-found',
  405: 'invalid',
  409: 'conflict',
  410: 'deprecated',
  412: 'capacity',
  422: 'invalid',
  423: 'conflict',
  429: 'rate-limited',
};

const refinements: Readonly<Record<string, ProviderErrorCode>> = {
  '401 token_readonly': 'forbidden',
  '403 maintenance': 'server',
  '403 rate_limit_exceeded': 'rate-limited',
  '403 resource_limit_exceeded': 'quota',
  '409 uniqueness_error': 'name-taken',
  '412 primary_ip_version_mismatch': 'invalid',
  '422 must_be_unassigned': 'conflict',
  '422 placement_error': 'capacity',
  '422 resource_in_use': 'conflict',
  '422 resource_unavailable': 'capacity',
  '422 service_error': 'server',
  '422 uniqueness_error': 'name-taken',
  '423 protected': 'protected',
};

/** The API waits for something of its own to end: asking again later may help. */
const passing: readonly ProviderErrorCode[] = ['conflict', 'rate-limited'];

interface RemoteError {
  code: string | null;
  message: string | null;
  /** Of the request, where the API names them. */
  fields: readonly string[];
  limits: readonly string[];
}

export function toError(answer: HttpsAnswer, request: ApiRequest): ProviderError {
  const remote = readRemote(answer.body);
  const code = classify(answer.status, remote);
  const requestId = answer.headers['x-correlation-id'];
  const field = remote.fields[0];
  return new ProviderError(code, describe(code, answer.status, remote), {
    ...{ provider: 'hetzner', op: request.op, status: answer.status },
    retryable:
      passing.includes(code) || remote.code === 'maintenance' || (code === 'server' && request.repeatable),
    ...(remote.code !== null && { rawCode: remote.code }),
    ...(requestId !== undefined && { requestId: showText(requestId) }),
    ...(field !== undefined && { field }),
    hints: hintsFor(code),
  });
}

/** An error of spuff's own making, in the port's form. */
export function failure(
  code: ProviderErrorCode,
  op: string,
  message: string,
  more: { field?: string; hints?: readonly string[]; retryable?: boolean } = {},
): ProviderError {
  return new ProviderError(code, message, { provider: 'hetzner', op, retryable: false, ...more });
}

/**
 * Text of the API for a message. Besides what looks like a token, parts of one go: the API quotes the first half of the
 * token where it refuses for the rate.
 */
export function showText(text: string): string {
  return showRemote(text).replace(/[A-Za-z0-9]{20,}/g, (run) =>
    /[A-Z]/.test(run) && /[a-z]/.test(run) && /\d/.test(run) ? '[redacted]' : run,
  );
}

function classify(status: number, remote: RemoteError): ProviderErrorCode {
  if (status >= 500) return 'server';
  if (status < 400) return 'protocol';
  const refined = refinements[`${status} ${remote.code}`];
  if (refined) return refined;
  const code = codeOfStatus[status] ?? 'invalid';
  if (code !== 'invalid') return code;
  if (/deprecated/.test(remote.code ?? '')) return 'deprecated';
  const isLocation = remote.fields.includes('location') || /\blocation\b/.test(remote.message ?? '');
  return isLocation ? 'region-unavailable' : 'invalid';
}

function readRemote(body: string): RemoteError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    // The page of a proxy says nothing that helps.
  }
  const error = optionalObject(optionalObject(parsed)['error']);
  const details = optionalObject(error['details']);
  const names = (list: unknown) =>
    optionalArray(list).flatMap((one) => {
      const name = optionalText(optionalObject(one)['name']);
      return name === null ? [] : [showText(name)];
    });
  const code = optionalText(error['code']);
  return {
    code: code === null ? null : showText(code),
    message: optionalText(error['message']),
    fields: names(details['fields']),
    limits: names(details['limits']),
  };
}

function describe(code: ProviderErrorCode, status: number, remote: RemoteError): string {
  // Its message holds half of the token.
  if (code === 'rate-limited') return 'Hetzner Cloud refuses for now: too many requests in this project';
  const said =
    remote.message === null
      ? `HTTP ${status}`
      : `${showText(remote.message)} (${remote.code ?? `HTTP ${status}`})`;
  const about = remote.limits.length > 0 ? `; the limit is ${remote.limits.join(', ')}` : '';
  return `Hetzner Cloud ${code === 'server' ? 'failed' : 'refused'}: ${said}${about}`;
}

function hintsFor(code: ProviderErrorCode): readonly string[] {
  const make = `make one with ${neededPermission} in the Cloud Console under Security > API tokens: https://console.hetzner.cloud`;
  switch (code) {
    case 'auth':
      return ['set HCLOUD_TOKEN (or HETZNER_TOKEN) to a token of the project', make];
    case 'forbidden':
      return [`the token lacks the permission ${neededPermission}`, make];
    case 'quota':
      return [
        'destroy what you do not need: spuff ls',
        'see the limits of the account, and ask for more: https://console.hetzner.cloud/limits',
      ];
    case 'capacity':
      return ['take another region or another size, or try again later', 'see https://status.hetzner.com'];
    case 'region-unavailable':
      return ['take a region that offers the size: --region'];
    case 'deprecated':
      return ['take another size or image'];
    case 'rate-limited':
      return ['wait a minute: the project gets one more request each second'];
    case 'protected':
      return ['take the protection away in the Cloud Console first: https://console.hetzner.cloud'];
    case 'server':
      return ['try again; see https://status.hetzner.com'];
    default:
      return [];
  }
}
