import { ProviderError, type ProviderErrorCode } from '../../domain/provider-error.ts';
import { showRemote } from '../../lib/api-client.ts';
import type { HttpsAnswer } from '../../lib/https.ts';

/** What an answer outside 2xx says, in whichever of AWS's three forms. */
interface SaidError {
  code: string | null;
  message: string;
  requestId: string | null;
}

/**
 * AWS says most things with 400, so its codes decide where they are known, and the status where they are not.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
const codesOf: Partial<Record<ProviderErrorCode, string>> = {
  auth: `AuthFailure InvalidClientTokenId UnrecognizedClientException SignatureDoesNotMatch IncompleteSignature
    IncompleteSignatureException InvalidSignatureException MissingAuthenticationToken
    MissingAuthenticationTokenException ExpiredToken ExpiredTokenException RequestExpired`,
  forbidden: 'UnauthorizedOperation AccessDenied AccessDeniedException NotAuthorized',
  'account-locked': 'PendingVerification Blocked OptInRequired SubscriptionRequiredException AccountDisabled',
  'rate-limited': `RequestLimitExceeded Throttling ThrottlingException ThrottledException TooManyRequestsException
    EC2ThrottledException BandwidthLimitExceeded SnapshotCreationPerVolumeRateExceeded`,
  quota: `VcpuLimitExceeded InstanceLimitExceeded MaxSpotInstanceCountExceeded VolumeLimitExceeded
    SecurityGroupLimitExceeded RulesPerSecurityGroupLimitExceeded SecurityGroupsPerInterfaceLimitExceeded
    SnapshotLimitExceeded PendingSnapshotLimitExceeded ResourceLimitExceeded ResourceCountExceeded
    AMIQuotaExceeded TagLimitExceeded MaxIOPSLimitExceeded`,
  capacity: `InsufficientInstanceCapacity InsufficientHostCapacity InsufficientCapacity
    InsufficientCapacityOnHost InsufficientFreeAddressesInSubnet InsufficientVolumeCapacity
    InsufficientReservedInstanceCapacity`,
  'not-found': 'InvalidAMIID.Unavailable ParameterNotFound NoSuchResourceException NotFoundException',
  'name-taken': 'InvalidAMIName.Duplicate InvalidGroup.Duplicate',
  conflict: `DependencyViolation IncorrectInstanceState IncorrectState IncorrectSpotRequestState VolumeInUse
    InvalidGroup.InUse InvalidSnapshot.InUse InvalidNetworkInterface.InUse InvalidIPAddress.InUse
    InvalidPermission.Duplicate UnsupportedOperation ConcurrentTagAccess`,
  protected: 'OperationNotPermitted ResourceLocked',
  'idempotency-mismatch': 'IdempotentParameterMismatch IdempotentInstanceTerminated',
  server:
    'InternalError InternalFailure InternalServerError InternalServiceError Unavailable ServiceUnavailable',
};

const codeTable: ReadonlyMap<string, ProviderErrorCode> = new Map(
  Object.entries(codesOf).flatMap(([code, words]) =>
    words.split(/\s+/).map((word) => [word, code as ProviderErrorCode] as const),
  ),
);

export function toErrorCode(status: number, said: string | null, message: string): ProviderErrorCode {
  if (status === 429) return 'rate-limited';
  const known = said === null ? undefined : codeTable.get(said);
  if (known !== undefined) return known;
  if (said !== null && /^Invalid[A-Za-z]+\.(?:NotFound|Malformed)$/.test(said)) return 'not-found';
  // A size that the zone does not have is told by the code for anything that can't be done.
  if (said === 'Unsupported')
    return /availability zone|in this region/i.test(message) ? 'region-unavailable' : 'invalid';
  if (status >= 500) return 'server';
  if (status === 401) return 'auth';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not-found';
  if (status === 409) return 'conflict';
  return status >= 300 && status < 400 ? 'protocol' : 'invalid';
}

/**
 * @param permission what was asked for, in the words of a policy: `ec2:RunInstances`
 */
export function toAwsError(
  answer: HttpsAnswer,
  asked: { op: string; permission: string },
  retryAfterMs: number | null,
): ProviderError {
  const { status } = answer;
  const said = readError(answer);
  const code = toErrorCode(status, said.code, said.message);
  const word = said.code === null ? '' : ` (${showRemote(said.code)})`;
  return new ProviderError(code, `AWS refused ${asked.permission}${word}: ${sayMessage(said, status)}`, {
    ...{ provider: 'aws', op: asked.op, status },
    retryable: code === 'rate-limited' || code === 'server',
    ...(said.code !== null && { rawCode: showRemote(said.code) }),
    ...(said.requestId !== null && { requestId: showRemote(said.requestId) }),
    ...(retryAfterMs !== null && { retryAfterMs }),
    hints: hintsFor(code, said, asked.permission),
  });
}

function sayMessage({ message }: SaidError, status: number): string {
  // The encoded part is for `aws sts decode-authorization-message`, and pages long.
  const plain = message.replace(/\s*Encoded authorization failure message:.*$/s, '');
  return plain.trim() === '' ? `HTTP ${status}` : showRemote(plain);
}

/** The permission that a refusal names, else the one that was asked for. */
export function missingPermission(message: string, asked: string): string {
  return /perform: ([a-z0-9-]{2,40}:[A-Za-z]{2,80})/.exec(message)?.[1] ?? asked;
}

const makeKeyAt = 'https://console.aws.amazon.com/iam/home#/security_credentials';

function hintsFor(code: ProviderErrorCode, said: SaidError, asked: string): string[] {
  if (code === 'auth' && said.code === 'RequestExpired')
    return ["this computer's clock is wrong: set it, and try again"];
  if (code === 'auth' && /^ExpiredToken/.test(said.code ?? ''))
    return ['the session has ended: sign in again (aws sso login), or set new AWS_SESSION_TOKEN and keys'];
  if (code === 'auth') {
    return [
      'look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or AWS_PROFILE',
      `make an access key at ${makeKeyAt}`,
      "a region that is not switched on for the account, and this computer's clock, can be the reason as well",
    ];
  }
  if (code === 'forbidden')
    return [
      `allow ${missingPermission(said.message, asked)} in the IAM policy of whoever the access key belongs to`,
    ];
  return otherHints[code] ?? [];
}

const otherHints: Partial<Record<ProviderErrorCode, string[]>> = {
  'account-locked': [
    'finish signing up, or ask the support: https://console.aws.amazon.com/billing/home#/account',
  ],
  'rate-limited': ['wait a minute, and try again'],
  quota: [
    'destroy machines that you no longer need: spuff ls',
    'or ask for more: https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-1216C47A',
  ],
  capacity: ['try another region or another size'],
  'region-unavailable': ['try another region or another size'],
  'idempotency-mismatch': ['destroy what there is of it, and order a machine under a new key'],
  server: ['try again; https://health.aws.amazon.com tells whether AWS has a problem'],
};

function readError(answer: HttpsAnswer): SaidError {
  const id = answer.headers['x-amzn-requestid'] ?? null;
  return readJsonError(answer.body, id) ?? readXmlError(answer.body, id);
}

function readJsonError(body: string, requestId: string | null): SaidError | null {
  if (!body.startsWith('{')) return null;
  try {
    const value = JSON.parse(body) as Record<string, unknown>;
    const type = typeof value['__type'] === 'string' ? value['__type'] : null;
    const message = value['message'] ?? value['Message'];
    return {
      code: type?.replace(/^.*#/, '') ?? null,
      message: typeof message === 'string' ? message : '',
      requestId,
    };
  } catch {
    return null;
  }
}

/** By pattern: an error may come as anything, also cut short, and only these three words of it are of use. */
function readXmlError(body: string, requestId: string | null): SaidError {
  const part = (name: RegExp) => unescapeXml(name.exec(body)?.[1] ?? '');
  const code = part(/<Code>([\w.-]{1,100})<\/Code>/);
  const id = part(/<Request(?:ID|Id)>([\w-]{1,100})<\/Request/);
  return {
    code: code === '' ? null : code,
    message: part(/<Message>([^<]{0,4000})<\/Message>/),
    requestId: id === '' ? requestId : id,
  };
}

function unescapeXml(text: string): string {
  const names: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_all, name: string) => names[name] ?? '');
}

/** What AWS called an error; undefined for anything that is none of AWS's. */
export function rawCodeOf(error: unknown): string | undefined {
  return error instanceof ProviderError ? error.info.rawCode : undefined;
}

export function failure(
  code: ProviderErrorCode,
  op: string,
  message: string,
  more: { hints?: readonly string[]; field?: string; retryable?: boolean; cause?: unknown } = {},
): ProviderError {
  return new ProviderError(code, message, { provider: 'aws', op, retryable: false, ...more });
}
