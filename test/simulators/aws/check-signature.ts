/** Signature version 4 from the reader's side, made of nothing but its description. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { SimRequest } from '../sim-server.ts';
import { AwsFault } from './fault.ts';

export interface Signer {
  accessKeyId: string;
  service: string;
  region: string;
}

export interface KnownKey {
  secret: string;
  sessionToken: string | null;
}

const maxSkewMs = 15 * 60_000;
const form =
  /^AWS4-HMAC-SHA256 Credential=([\w-]+)\/(\d{8})\/([\w-]+)\/([\w-]+)\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$/;

/**
 * Who signed a request, for which service and region.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * @throws AwsFault
 */
export function checkSignature(
  request: SimRequest,
  keys: ReadonlyMap<string, KnownKey>,
  nowMs: number,
): Signer {
  const { headers } = request;
  const [, accessKeyId = '', date = '', region = '', service = '', signedHeaders = '', signature = ''] =
    form.exec(headers['authorization'] ?? '') ?? [];
  if (accessKeyId === '')
    throw new AwsFault('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
  const signer = { accessKeyId, service, region };
  const key = keys.get(accessKeyId);
  if (!key) throw refusal(service, 'unknown');
  const at = headers['x-amz-date'] ?? '';
  checkTime(at, date, nowMs);
  if ((headers['x-amz-security-token'] ?? null) !== key.sessionToken) throw refusal(service, 'unknown');
  const names = signedHeaders.split(';');
  const mustSign = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  if (!mustSign.every((name) => names.includes(name))) throw refusal(service, 'mismatch');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', at, scope, sha256(canonicalRequest(request, names))].join('\n');
  const signing = signingKey(key.secret, [date, region, service]);
  if (!timingSafeEqual(hmac(signing, text), Buffer.from(signature, 'hex')))
    throw refusal(service, 'mismatch');
  return signer;
}

const signingKeys = new Map<string, Buffer>();

/** One for each day, region and service. */
function signingKey(secret: string, scope: readonly string[]): Buffer {
  const name = [secret, ...scope].join(' ');
  const made =
    signingKeys.get(name) ??
    [...scope, 'aws4_request'].reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secret}`));
  signingKeys.set(name, made);
  return made;
}

function canonicalRequest(
  { method, path, query, headers, body }: SimRequest,
  names: readonly string[],
): string {
  const pairs = [...query]
    .map(([name, value]) => `${escapeUri(name)}=${escapeUri(value)}`)
    .sort((a, b) => (a < b ? -1 : 1));
  return [
    method,
    path.split('/').map(escapeUri).map(escapeUri).join('/'),
    pairs.join('&'),
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    names.join(';'),
    sha256(body),
  ].join('\n');
}

function checkTime(at: string, date: string, nowMs: number): void {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(at) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (!at.startsWith(date) || !(Math.abs(time - nowMs) <= maxSkewMs))
    throw new AwsFault('RequestExpired', 'Request has expired.', 400);
}

/** EC2 does not say whether it is the key or the signature; the others do. */
function refusal(service: string, why: 'unknown' | 'mismatch'): AwsFault {
  if (service === 'ec2') {
    const message = 'AWS was not able to validate the provided access credentials';
    return new AwsFault('AuthFailure', message, 401);
  }
  if (why === 'mismatch') {
    const message =
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.';
    return new AwsFault('SignatureDoesNotMatch', message, 403);
  }
  const message = 'The security token included in the request is invalid.';
  return service === 'sts'
    ? new AwsFault('InvalidClientTokenId', message, 403)
    : new AwsFault('UnrecognizedClientException', message, 400);
}

function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(secret: Buffer, text: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}
