import { describe, expect, it, test } from 'vitest';
import type { ProviderErrorCode } from '../../domain/provider-error.ts';
import { toAwsError } from './errors.ts';

const asked = { op: 'create', permission: 'ec2:RunInstances' };

function answer(status: number, body: string) {
  return { status, headers: {}, body };
}

/** As EC2 answers, with its declaration and its line break. */
function ec2(code: string, message: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>59dbff89-35bd-4eac-99ed-be587ed5e8a1</RequestID></Response>`;
}

function sts(code: string, message: string): string {
  return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n  <Error>\n    <Type>Sender</Type>\n    <Code>${code}</Code>\n    <Message>${message}</Message>\n  </Error>\n  <RequestId>e9a33c7a-0000-4d1c-a18a-6fb9b8a22a4d</RequestId>\n</ErrorResponse>\n`;
}

const json = (type: string, message: string) => JSON.stringify({ __type: type, Message: message });

const recorded: [number, string, ProviderErrorCode, string | undefined, RegExp | null][] = [
  [
    401,
    ec2('AuthFailure', 'AWS was not able to validate the provided access credentials'),
    'auth',
    'AuthFailure',
    /AWS_ACCESS_KEY_ID.*AWS_PROFILE/,
  ],
  [
    403,
    sts('SignatureDoesNotMatch', 'Signature expired: 20261125T000000Z is now earlier than …'),
    'auth',
    'SignatureDoesNotMatch',
    /AWS_SECRET_ACCESS_KEY/,
  ],
  [
    403,
    sts('InvalidClientTokenId', 'The security token included in the request is invalid.'),
    'auth',
    'InvalidClientTokenId',
    /AWS_ACCESS_KEY_ID/,
  ],
  [400, ec2('RequestExpired', 'Request has expired.'), 'auth', 'RequestExpired', /clock/],
  [
    400,
    json('ExpiredTokenException', 'The security token included in the request is expired'),
    'auth',
    'ExpiredTokenException',
    /aws sso login/,
  ],
  [
    403,
    ec2(
      'UnauthorizedOperation',
      'You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/a is not authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:us-east-1:123456789012:instance/*. Encoded authorization failure message: aGlkZGVu',
    ),
    'forbidden',
    'UnauthorizedOperation',
    /allow ec2:CreateTags in the IAM policy/,
  ],
  [
    403,
    ec2('UnauthorizedOperation', 'You are not authorized to perform this operation.'),
    'forbidden',
    'UnauthorizedOperation',
    /allow ec2:RunInstances in/,
  ],
  [
    400,
    json('com.amazonaws.pricing#AccessDeniedException', 'no'),
    'forbidden',
    'AccessDeniedException',
    /allow ec2:RunInstances/,
  ],
  [
    401,
    ec2('OptInRequired', 'You are not subscribed to this service.'),
    'account-locked',
    'OptInRequired',
    /signing up/,
  ],
  [
    400,
    ec2('PendingVerification', 'Your request for accessing resources in this region is being validated'),
    'account-locked',
    'PendingVerification',
    /billing/,
  ],
  [400, ec2('Blocked', 'This account is currently blocked.'), 'account-locked', 'Blocked', null],
  [
    503,
    ec2('RequestLimitExceeded', 'Request limit exceeded.'),
    'rate-limited',
    'RequestLimitExceeded',
    /wait/,
  ],
  [400, json('ThrottlingException', 'Rate exceeded'), 'rate-limited', 'ThrottlingException', null],
  [429, '{}', 'rate-limited', undefined, null],
  [
    400,
    ec2(
      'VcpuLimitExceeded',
      'You have requested more vCPU capacity than your current vCPU limit of 5 allows',
    ),
    'quota',
    'VcpuLimitExceeded',
    /L-1216C47A/,
  ],
  [
    400,
    ec2(
      'InstanceLimitExceeded',
      'You have requested more instances (1) than your current instance limit of 0 allows',
    ),
    'quota',
    'InstanceLimitExceeded',
    /spuff ls/,
  ],
  [
    400,
    ec2('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded'),
    'quota',
    'MaxSpotInstanceCountExceeded',
    null,
  ],
  [
    500,
    ec2(
      'InsufficientInstanceCapacity',
      'We currently do not have sufficient t3.small capacity in the Availability Zone you requested',
    ),
    'capacity',
    'InsufficientInstanceCapacity',
    /another region/,
  ],
  [
    400,
    ec2('InsufficientFreeAddressesInSubnet', 'no addresses'),
    'capacity',
    'InsufficientFreeAddressesInSubnet',
    null,
  ],
  [
    400,
    ec2(
      'Unsupported',
      'Your requested instance type (t3.small) is not supported in your requested Availability Zone (us-east-1e).',
    ),
    'region-unavailable',
    'Unsupported',
    /another region/,
  ],
  [
    400,
    ec2('Unsupported', 'The requested configuration is currently not supported.'),
    'invalid',
    'Unsupported',
    null,
  ],
  [
    400,
    ec2('InvalidInstanceID.NotFound', "The instance ID 'i-1' does not exist"),
    'not-found',
    'InvalidInstanceID.NotFound',
    null,
  ],
  [400, ec2('InvalidAMIID.Malformed', 'Invalid id'), 'not-found', 'InvalidAMIID.Malformed', null],
  [
    400,
    ec2('InvalidAMIID.Unavailable', 'The image ID is not available'),
    'not-found',
    'InvalidAMIID.Unavailable',
    null,
  ],
  [
    400,
    ec2('InvalidGroup.Duplicate', "The security group 'x' already exists"),
    'name-taken',
    'InvalidGroup.Duplicate',
    null,
  ],
  [
    400,
    ec2('DependencyViolation', 'resource sg-1 has a dependent object'),
    'conflict',
    'DependencyViolation',
    null,
  ],
  [400, ec2('IncorrectInstanceState', 'not in a state'), 'conflict', 'IncorrectInstanceState', null],
  [
    400,
    ec2('OperationNotPermitted', "may not be terminated. Modify its 'disableApiTermination'"),
    'protected',
    'OperationNotPermitted',
    null,
  ],
  [
    400,
    ec2('IdempotentParameterMismatch', 'Arguments on this idempotent request are inconsistent'),
    'idempotency-mismatch',
    'IdempotentParameterMismatch',
    /new key/,
  ],
  [
    400,
    ec2('InvalidParameterValue', 'User data is limited to 16384 bytes'),
    'invalid',
    'InvalidParameterValue',
    null,
  ],
  [400, ec2('SomethingNew', 'never seen before'), 'invalid', 'SomethingNew', null],
  [500, ec2('InternalError', 'An internal error has occurred'), 'server', 'InternalError', /health/],
  [503, ec2('Unavailable', 'The server is overloaded'), 'server', 'Unavailable', null],
  [502, '<html><body>502 Bad Gateway</body></html>', 'server', undefined, null],
  [302, '', 'protocol', undefined, null],
];

describe('what AWS answers', () => {
  test.each(recorded)('%i %s', (status, body, code, rawCode, hint) => {
    const error = toAwsError(answer(status, body), asked, null);
    expect(error.providerCode).toBe(code);
    expect(error.info.rawCode).toBe(rawCode);
    expect(error.info).toMatchObject({ provider: 'aws', op: 'create', status });
    expect(error.info.retryable).toBe(code === 'server' || code === 'rate-limited');
    expect(error.hints.join(' ')).toMatch(hint ?? /^/);
  });

  it('says which request it was about', () => {
    const error = toAwsError(answer(400, ec2('InvalidParameterValue', 'bad')), asked, null);
    expect(error.info.requestId).toBe('59dbff89-35bd-4eac-99ed-be587ed5e8a1');
    expect(error.message).toBe('AWS refused ec2:RunInstances (InvalidParameterValue): bad');
  });

  it('is shown without what an encoded refusal carries, control characters, or a key', () => {
    const encoded = toAwsError(answer(403, recorded[5]?.[1] ?? ''), asked, null);
    expect(encoded.message).not.toContain('aGlkZGVu');
    const wild = toAwsError(
      answer(400, ec2('InvalidParameterValue', 'a\u001b[2J &lt;b&gt; &amp;lt;')),
      asked,
      null,
    );
    expect(wild.message).toContain('a\\x1b[2J <b> &lt;');
    const keyed = toAwsError(
      answer(400, ec2('InvalidParameterValue', 'key AKIAIOSFODNN7EXAMPLE is bad')),
      asked,
      null,
    );
    expect(keyed.message).not.toContain('AKIA');
  });

  it('keeps how long to wait', () => {
    expect(toAwsError(answer(429, ''), asked, 7_000).info.retryAfterMs).toBe(7_000);
  });
});
