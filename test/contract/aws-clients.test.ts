/**
 * The simulator held against what others have written: the AWS CLI of Debian works with it as with AWS, and the provider
 * works with moto as with the simulator.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { Secret } from '../../src/domain/secret.ts';
import { systemRuntime } from '../../src/lib/clock.ts';
import { createAwsProvider } from '../../src/providers/aws/aws-provider.ts';
import { readAwsCredentials } from '../../src/providers/aws/credentials.ts';
import { bareId } from '../../src/providers/aws/endpoints.ts';
import { type AwsHarness, makeHarness, testKey } from '../simulators/aws/harness.ts';
import { collect } from './collect.ts';

const cli = '/usr/bin/aws';
const run = promisify(execFile);
let harness: AwsHarness;

beforeAll(async () => {
  harness = await makeHarness();
});
afterAll(async () => {
  await harness.sim.stop();
});

/** What the AWS CLI makes of an answer; it reads answers by AWS's own description. */
async function aws(line: string, more: readonly string[] = [], secret = testKey.secret): Promise<unknown> {
  const { stdout } = await run(cli, ['--endpoint-url', harness.address, ...line.split(' '), ...more], {
    env: {
      PATH: process.env['PATH'],
      ...{ AWS_ACCESS_KEY_ID: testKey.accessKeyId, AWS_SECRET_ACCESS_KEY: secret },
      ...{ AWS_DEFAULT_REGION: 'us-east-1', AWS_CONFIG_FILE: '/dev/null', AWS_EC2_METADATA_DISABLED: 'true' },
      ...{ AWS_SHARED_CREDENTIALS_FILE: '/dev/null', AWS_MAX_ATTEMPTS: '1', HOME: '/nonexistent' },
    },
  });
  return stdout.trim() === '' ? null : JSON.parse(stdout);
}

const at = (value: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((node, name) => (node as Record<string, unknown> | undefined)?.[name], value);

describe('the AWS CLI', () => {
  it('is there, and brings the description that the simulator is held to', () => {
    expect(existsSync(cli), 'apt-get install awscli').toBe(true);
    expect(harness.aws.heldToDescription).toBe(true);
  });

  it('takes a machine through its life, and the provider sees the same', async () => {
    const made = await aws('ec2 create-security-group --group-name a-group --description of-the-cli');
    const group = String(at(made, 'GroupId'));
    const images = await aws(
      'ec2 describe-images --owners 136693071363 --filters Name=name,Values=debian-12-amd64-*',
    );
    expect(at(images, 'Images.1.RootDeviceName')).toBe('/dev/xvda');
    const { key, name } = harness.makeSpec();
    const tags = `{Key=spuff,Value=machine},{Key=spuff-key,Value=${key}},{Key=Name,Value=${name}}`;
    const ordered = await aws(
      `ec2 run-instances --image-id ${String(at(images, 'Images.1.ImageId'))} --instance-type t3.small`,
      [
        ...['--client-token', key, '--security-group-ids', group, '--user-data', '#cloud-config\n{}'],
        ...['--instance-initiated-shutdown-behavior', 'terminate', '--tag-specifications'],
        `ResourceType=instance,Tags=[${tags}]`,
        ...['--metadata-options', 'HttpTokens=required,HttpPutResponseHopLimit=1'],
      ],
    );
    const id = String(at(ordered, 'Instances.0.InstanceId'));
    expect(at(ordered, 'Instances.0.State.Name')).toBe('pending');
    const vm = await harness.provider.find(key, harness.within(60_000));
    expect(vm).toMatchObject({ id: `us-east-1/${id}`, key, name });
    await harness.provider.waitFor(vm!.id, 'running', harness.within(60_000));
    await aws(`ec2 wait instance-running --instance-ids ${id}`);
    const described = await aws(`ec2 describe-instances --instance-ids ${id}`);
    expect(at(described, 'Reservations.0.Instances.0')).toMatchObject({
      ...{ PublicIpAddress: expect.any(String), Architecture: 'x86_64', ClientToken: key },
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1, HttpEndpoint: 'enabled' },
    });
    await expect(aws(`ec2 delete-security-group --group-id ${group}`)).rejects.toMatchObject({
      stderr: expect.stringContaining('DependencyViolation'),
    });
    const ended = await aws(`ec2 terminate-instances --instance-ids ${id}`);
    expect(at(ended, 'TerminatingInstances.0.CurrentState.Name')).toBe('shutting-down');
    harness.clock.advance(60_000);
    await aws(`ec2 wait instance-terminated --instance-ids ${id}`);
    expect(await harness.provider.get(vm!.id, harness.within(60_000))).toBeNull();
    await aws(`ec2 delete-security-group --group-id ${group}`);
    expect(harness.cloud.inventory()).toEqual({});
    // The CLI's clock is the real one.
    harness.clock.advance(-60_000);
  });

  it('sees what the provider has made, and can change it', async () => {
    const spec = harness.makeSpec({ firewall: { allowSshFrom: ['198.51.100.7/32', '2001:db8::/64'] } });
    const vm = await harness.provider.create(spec, harness.within(60_000));
    const groups = await aws(`ec2 describe-security-groups --filters Name=tag:spuff-key,Values=${spec.key}`);
    expect(at(groups, 'SecurityGroups.0.IpPermissions.0')).toMatchObject({
      ...{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22 },
      ...{ IpRanges: [{ CidrIp: '198.51.100.7/32' }], Ipv6Ranges: [{ CidrIpv6: '2001:db8::/64' }] },
    });
    const group = String(at(groups, 'SecurityGroups.0.GroupId'));
    await aws(
      `ec2 authorize-security-group-ingress --group-id ${group} --protocol tcp --port 22 --cidr 192.0.2.0/24`,
    );
    expect(await harness.provider.firewall!.show(spec.key, harness.within(60_000))).toContain('192.0.2.0/24');
    await aws(`ec2 create-tags --resources ${bareId(vm.id)} --tags Key=spuff-owner,Value=somebody-else`);
    const seen = await harness.provider.get(vm.id, harness.within(60_000));
    expect(seen?.labels['spuff-owner']).toBe('somebody-else');
    const volumes = await aws(`ec2 describe-volumes --filters Name=tag:spuff-key,Values=${spec.key}`);
    expect(at(volumes, 'Volumes.0')).toMatchObject({ Size: 30, State: 'in-use' });
    await harness.cloud.clear();
  });

  it('is told the same as the provider of sizes, prices, parameters, quotas and itself', async () => {
    const who = await aws('sts get-caller-identity');
    expect(at(who, 'Account')).toBe('123456789012');
    const types = await aws('ec2 describe-instance-types --instance-types t3.small');
    expect(at(types, 'InstanceTypes.0')).toMatchObject({
      VCpuInfo: { DefaultVCpus: 2 },
      MemoryInfo: { SizeInMiB: 2_048 },
    });
    const name = '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id';
    expect(at(await aws(`ssm get-parameter --name ${name}`), 'Parameter.Value')).toMatch(
      /^ami-[0-9a-f]{17}$/,
    );
    const quota = await aws('service-quotas get-service-quota --service-code ec2 --quota-code L-1216C47A');
    expect(at(quota, 'Quota.Value')).toBe(2_000);
    const filters = ['instanceType=t3.small', 'regionCode=us-east-1'].map((pair) => {
      const [Field, Value] = pair.split('=');
      return `Type=TERM_MATCH,Field=${Field},Value=${Value}`;
    });
    const products = await aws('pricing get-products --service-code AmazonEC2 --filters', filters);
    expect(JSON.stringify(at(products, 'PriceList'))).toContain('0.0208000000');
    const spot = await aws('ec2 describe-spot-price-history --instance-types t3.small');
    expect(at(spot, 'SpotPriceHistory.0.SpotPrice')).toBe('0.009300');
  });

  test.each([
    ['ec2 describe-instances', 'AuthFailure'],
    ['sts get-caller-identity', 'SignatureDoesNotMatch'],
  ])('is refused with a wrong secret: %s', async (line, code) => {
    await expect(aws(line, [], 'not-the-secret')).rejects.toMatchObject({
      stderr: expect.stringContaining(code),
    });
  });

  it('gives the keys of a profile to the provider', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spuff-aws-'));
    const file = join(folder, 'credentials');
    writeFileSync(
      file,
      '[work]\naws_access_key_id = AKIAPROFILE00000001\naws_secret_access_key = of-the-profile\n',
    );
    const env = {
      ...{ AWS_PROFILE: 'work', AWS_SHARED_CREDENTIALS_FILE: file, AWS_CONFIG_FILE: '/dev/null' },
      PATH: '/usr/bin:/bin',
    };
    const { signal } = new AbortController();
    const given = await readAwsCredentials({ env, command: null, userHome: '/nonexistent' }, signal);
    rmSync(folder, { recursive: true });
    expect([given.accessKeyId, given.secretAccessKey.reveal()]).toEqual([
      'AKIAPROFILE00000001',
      'of-the-profile',
    ]);
  });

  it('and the provider have kept to the description', () => {
    expect(harness.sim.descriptionFaults).toEqual([]);
  });
});

const moto = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'moto_server'))
  .find((path) => existsSync(path));

describe('moto', () => {
  let server: ChildProcess | undefined;
  afterAll(() => void server?.kill());

  const title = 'a machine lives and ends there as on the simulator';
  it(
    moto === undefined ? `is not on this machine (moto_server): not shown that ${title}` : title,
    async () => {
      if (moto === undefined) {
        expect(moto).toBeUndefined();
        return;
      }
      const port = await freePort();
      server = spawn(moto, ['-H', '127.0.0.1', '-p', String(port)], {
        stdio: 'ignore',
        env: {
          ...process.env,
          MOTO_ENABLE_AMI_VALIDATION: 'true',
          MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION: 'true',
        },
      });
      const address = new URL(`http://127.0.0.1:${port}`);
      await expect
        .poll(
          () =>
            fetch(address).then(
              ({ status }) => status,
              () => 0,
            ),
          { timeout: 60_000 },
        )
        .toBeGreaterThan(0);
      const there = await lifeOf(openOn(address), await motoImage(address), (ms) => ({
        ...{ signal: new AbortController().signal, deadline: new Date(Date.now() + ms) },
      }));
      const [image] = await imagesOfSimulator();
      const here = await lifeOf(harness.provider, image!, harness.within);
      expect(there).toEqual(here);
    },
  );
});

function openOn(address: URL) {
  return createAwsProvider({
    ...{ runtime: systemRuntime, regions: ['us-east-1'], endpoint: () => address },
    credentials: async () => ({
      ...{
        accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
        secretAccessKey: new Secret('any-will-do'),
        sessionToken: null,
      },
    }),
  });
}

/** What can be seen of a machine from its order to its end, without what differs each time. */
async function lifeOf(
  provider: AwsHarness['provider'],
  imageId: string,
  within: AwsHarness['within'],
): Promise<unknown[]> {
  const seen: unknown[] = [];
  const spec = harness.makeSpec({
    image: { kind: 'id', id: imageId },
    firewall: { allowSshFrom: ['198.51.100.7/32', '2001:db8::/64'] },
  });
  const made = await provider.create(spec, within(60_000));
  seen.push([
    made.state,
    made.key === spec.key,
    made.instanceName,
    made.size,
    made.arch,
    made.labels['spuff-owner'],
  ]);
  const running = await provider.waitFor(made.id, 'running', within(60_000));
  seen.push([
    running?.state,
    running?.ssh?.port,
    running?.expiresAt?.getTime() === spec.expiresAt?.getTime(),
  ]);
  seen.push((await provider.find(spec.key, within(60_000)))?.id === made.id);
  seen.push((await collect(provider.list(within(60_000)))).length);
  seen.push(await provider.firewall!.show(spec.key, within(60_000)));
  await provider.firewall!.set(spec.key, ['198.51.100.9/32'], within(60_000));
  seen.push(await provider.firewall!.show(spec.key, within(60_000)));
  await provider.harden!(made.id, within(60_000));
  const wrong = { ...within(60_000), expectKey: harness.makeSpec().key };
  seen.push(
    await provider.destroy(made.id, wrong).catch((error: { providerCode: string }) => error.providerCode),
  );
  await provider.destroy(made.id, { ...within(120_000), expectKey: spec.key });
  seen.push(
    await provider.get(made.id, within(60_000)),
    await collect(provider.leftovers(spec.key, within(60_000))),
  );
  seen.push(await provider.get('us-east-1/i-00000000000000001', within(60_000)));
  return seen;
}

async function imagesOfSimulator(): Promise<string[]> {
  const { imagesOf } = await import('../simulators/aws/catalogue.ts');
  return imagesOf('us-east-1').map(({ id }) => id);
}

/** Any image of Canonical's for the same processor. */
async function motoImage(address: URL): Promise<string> {
  const body = 'Action=DescribeImages&Version=2016-11-15&Owner.1=099720109477';
  const authorization =
    'AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0';
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await (await fetch(address, { method: 'POST', headers, body })).text();
  return /<imageId>(ami-[0-9a-f]+)<\/imageId>/.exec(answer)?.[1] ?? '';
}

async function freePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as { port: number };
  await new Promise((resolve) => holder.close(resolve));
  return port;
}
