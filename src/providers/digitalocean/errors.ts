/**
 * What an answer outside 2xx means. The status decides; only where one status stands for many things (422) does the
 * message tell them apart, and what it does not tell stays `invalid`.
 * @see https://docs.digitalocean.com/reference/api/reference/ (HTTP Statuses)
 */
import { ProviderError, type ProviderErrorCode } from '../../domain/provider-error.ts';
import { type ApiRequest, showRemote } from '../../lib/api-client.ts';
import type { HttpsAnswer } from '../../lib/https.ts';
import { providerId } from './failure.ts';
import { scopeOf } from './scopes.ts';

export const tokenPage = 'https://cloud.digitalocean.com/account/api/tokens';

const codeOfStatus: Readonly<Record<number, ProviderErrorCode>> = {
  400: 'invalid',
  401: 'auth',
  402: 'account-locked',
  403: 'forbidden',
  404: 'not-found',
  // It waited for the rest of the request, and may have acted on what it had.
  408: 'server',
  409: 'conflict',
  412: 'conflict',
  422: 'invalid',
  429: 'rate-limited',
};

/** By message, for the statuses that say no more than that the request was refused. The first that fits counts. */
const refusals: ReadonlyArray<{ pattern: RegExp; code: ProviderErrorCode; field?: string }> = [
  { pattern: /droplet limit|exceed your .*limit|limit .*(?:reached|exceeded)/i, code: 'quota' },
  { pattern: /verify your|payment method|billing|account is (?:locked|suspended)/i, code: 'account-locked' },
  { pattern: /region is not available|invalid region/i, code: 'region-unavailable', field: 'region' },
  {
    pattern: /not available in th|(?:currently|temporarily) unavailable|out of (?:stock|capacity)/i,
    code: 'capacity',
  },
  { pattern: /size is (?:not available|unavailable)|no capacity/i, code: 'capacity' },
  { pattern: /deprecated|retired/i, code: 'deprecated' },
  { pattern: /invalid size/i, code: 'invalid', field: 'size' },
  { pattern: /invalid image|image .*(?:not found|does not exist)/i, code: 'not-found', field: 'image' },
  { pattern: /invalid key|ssh key|ssh_key/i, code: 'invalid', field: 'sshPublicKeys' },
  {
    pattern: /pending event|is locked|in use|still attached|already (?:exists|in progress)/i,
    code: 'conflict',
  },
];
const vague = [400, 409, 422];

/** Turns an answer into the error of the port that it stands for. What the cloud says is shown on one line, escaped. */
export function toDigitalOceanError(answer: HttpsAnswer, request: ApiRequest): ProviderError {
  const { status } = answer;
  const said = readError(answer, request);
  const refusal = vague.includes(status)
    ? refusals.find(({ pattern }) => pattern.test(said.message))
    : undefined;
  const locked = status === 403 && /locked|suspended/i.test(said.message);
  const code = refusal?.code ?? (locked ? 'account-locked' : (codeOfStatus[status] ?? codeOfClass(status)));
  const requestId = answer.headers['x-request-id'] ?? said.requestId;
  return new ProviderError(code, messageOf(code, status, said.message), {
    ...{ provider: providerId, op: request.op, status, hints: hintsFor(code, request) },
    retryable: code === 'rate-limited' || code === 'conflict' || (status >= 500 && request.repeatable),
    ...(said.id !== '' && { rawCode: said.id }),
    ...(requestId !== undefined && requestId !== '' && { requestId: showRemote(requestId) }),
    ...(refusal?.field !== undefined && { field: refusal.field }),
  });
}

/** Whether the cloud may have acted all the same. An answer that can't be read does not say that it has not. */
export function isUnsure({ providerCode, info: { status } }: ProviderError): boolean {
  if (providerCode === 'protocol') return status === undefined || status < 300;
  return providerCode === 'ambiguous' || providerCode === 'server';
}

/** A redirect is never followed, and 1xx never ends a request: both are no answer of this API. */
function codeOfClass(status: number): ProviderErrorCode {
  if (status >= 500) return 'server';
  return status >= 400 ? 'invalid' : 'protocol';
}

function messageOf(code: ProviderErrorCode, status: number, said: string): string {
  const what = {
    auth: 'DigitalOcean does not know the token',
    forbidden: 'DigitalOcean does not let the token do this',
    'account-locked': 'DigitalOcean has locked the account',
    'rate-limited': 'DigitalOcean has had too many requests',
    quota: 'the DigitalOcean account may have no more machines',
    capacity: 'DigitalOcean has no room for the machine there',
    server: 'DigitalOcean failed',
  };
  const head = (what as Partial<Record<ProviderErrorCode, string>>)[code] ?? 'DigitalOcean refused';
  return said === '' ? `${head} (HTTP ${status})` : `${head} (HTTP ${status}): ${said}`;
}

function hintsFor(code: ProviderErrorCode, request: ApiRequest): string[] {
  const hints: Partial<Record<ProviderErrorCode, string[]>> = {
    auth: ['set DIGITALOCEAN_TOKEN to a token that is valid', `make a token at ${tokenPage}`],
    forbidden: [`give the token the scope ${scopeOf(request.method, request.path)}: ${tokenPage}`],
    'account-locked': ['look at https://cloud.digitalocean.com for what the account needs'],
    quota: [
      'destroy machines that you no longer need: spuff ls',
      'or ask for a higher limit at https://cloud.digitalocean.com/account/team/droplet_limit_increase',
    ],
    capacity: ['take another region or size: --region REGION, --size SIZE'],
    'region-unavailable': ['take another region: --region REGION'],
    'rate-limited': ['wait some minutes, and try again'],
    server: ['look at https://status.digitalocean.com, and try again'],
  };
  return hints[code] ?? [];
}

interface Said {
  id: string;
  message: string;
  requestId?: string;
}

/** `{id, message, request_id}` as documented, `{error, messages}` as some services write it, or nothing that can be used. */
function readError({ body }: HttpsAnswer, request: ApiRequest): Said {
  const fields = parseObject(body);
  if (fields === null) return { id: '', message: '' };
  const list = Array.isArray(fields['messages']) ? fields['messages'].filter(isText).join('; ') : '';
  const message = [fields['message'], list, fields['error']].find((one) => isText(one) && one !== '');
  return {
    id: isText(fields['id']) ? showRemote(fields['id']).slice(0, 60) : '',
    message: isText(message) ? hideOwnText(showRemote(message), request) : '',
    ...(isText(fields['request_id']) && { requestId: fields['request_id'] }),
  };
}

/** An API may repeat in its refusal what it was sent; user data is nobody's to read. */
function hideOwnText(message: string, request: ApiRequest): string {
  const userData = parseObject(request.body ?? '')?.['user_data'];
  if (!isText(userData)) return message;
  const lines = userData.split('\n').map((line) => line.trim());
  return lines.some((line) => line.length >= 8 && message.includes(line)) ? '[redacted]' : message;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
