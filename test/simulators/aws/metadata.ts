/**
 * What EC2 tells an instance of itself: version 2 of its service, and version 1 where the instance allows it.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
import { randomBytes } from 'node:crypto';
import {
  answerFrom,
  type CloudMetadata,
  type MetadataAnswer,
  type MetadataRequest,
  type NetworkCard,
  plain,
  type Tree,
} from '../metadata/service.ts';
import { account, type CloudState, type Instance, makeId, privateAddress } from './cloud-state.ts';
import { isoTime } from './filters.ts';

const versions = ['2009-04-04', '2014-11-05', '2016-09-02', '2018-09-24', '2021-03-23', 'latest'];
const tokenPath = '/latest/api/token';
const tokenHeader = 'x-aws-ec2-metadata-token';
const ttlHeader = `${tokenHeader}-ttl-seconds`;

export function metadataOf(state: CloudState, instance: Instance): CloudMetadata {
  /** Each token of the instance, and until when it is good. */
  const tokens = new Map<string, number>();
  const uuid = `ec2${instance.id.slice(2, 7)}-0000-4000-8000-${instance.id.slice(-12)}`;
  return {
    datasource: 'Ec2',
    // A firmware that does not say EC2 is not to be believed.
    settings: { strict_id: 'true' },
    firmware: { sys_vendor: 'Amazon EC2', product_serial: uuid, product_uuid: uuid },
    hostName: hostNameOf(privateAddress),
    answer: (request, card) => answer(request, { state, instance, tokens }, card),
  };
}

interface Service {
  state: CloudState;
  instance: Instance;
  tokens: Map<string, number>;
}

function answer(request: MetadataRequest, service: Service, card: NetworkCard): MetadataAnswer {
  const { httpEndpoint, httpTokens } = service.instance.metadata;
  if (httpEndpoint === 'disabled') return refusal(403, 'Forbidden');
  const [where = ''] = request.path.split('?');
  if (request.method === 'PUT' && where === tokenPath) return giveToken(request, service);
  if (request.method !== 'GET') return refusal(405, 'Method Not Allowed');
  const token = request.headers[tokenHeader];
  const isGood = token !== undefined && (service.tokens.get(token) ?? 0) > Date.now();
  if (!isGood && (token !== undefined || httpTokens === 'required')) return refusal(401, 'Unauthorized');
  const tree = treeOf(service, card);
  return answerFrom(Object.fromEntries(versions.map((version) => [version, tree])), where);
}

/** To the machine alone: one that a proxy passes on gets none, and the answer dies after so many hops. */
function giveToken({ headers }: MetadataRequest, { instance, tokens }: Service): MetadataAnswer {
  if (headers['x-forwarded-for'] !== undefined) return refusal(403, 'Forbidden');
  const seconds = Number(headers[ttlHeader]);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 21_600) return refusal(400, 'Bad Request');
  const token = randomBytes(42).toString('base64url');
  tokens.set(token, Date.now() + seconds * 1_000);
  const hops = Number(instance.metadata.hopLimit);
  return { status: 200, headers: { ...plain, [ttlHeader]: String(seconds) }, body: token, hops };
}

function refusal(status: number, reason: string): MetadataAnswer {
  return { status, headers: plain, body: `${status} - ${reason}\n` };
}

function hostNameOf(address: string): string {
  return `ip-${address.replaceAll('.', '-')}`;
}

function treeOf({ state, instance }: Service, card: NetworkCard): Tree {
  const { id, region, type, userData } = instance;
  const zone = `${region}a`;
  const hostname = `${hostNameOf(privateAddress)}.ec2.internal`;
  return {
    dynamic: { 'instance-identity': { document: JSON.stringify(identityOf(instance), null, 2) } },
    'meta-data': {
      'ami-id': instance.imageId,
      'ami-launch-index': '0',
      'block-device-mapping': { ami: instance.rootDevice, root: instance.rootDevice },
      hostname,
      'instance-action': 'none',
      'instance-id': id,
      'instance-life-cycle': instance.spot ? 'spot' : 'on-demand',
      'instance-type': type,
      'local-hostname': hostname,
      'local-ipv4': privateAddress,
      mac: card.mac,
      network: { interfaces: { macs: { [card.mac]: interfaceOf(state, instance, card) } } },
      placement: { 'availability-zone': zone, region },
      'public-ipv4': card.ipv4,
      'reservation-id': instance.reservationId,
      'security-groups': groupNames(state, instance),
      services: { domain: 'amazonaws.com', partition: 'aws' },
    },
    // As the real one: an instance without user data has no such file.
    ...(userData !== '' && { 'user-data': userData }),
  };
}

function interfaceOf(state: CloudState, instance: Instance, { ipv4, mac }: NetworkCard): Tree {
  return {
    'device-number': '0',
    'interface-id': instance.nicId,
    'local-ipv4s': privateAddress,
    mac,
    'owner-id': account,
    'public-ipv4s': ipv4,
    'security-group-ids': instance.groupIds.join('\n'),
    'security-groups': groupNames(state, instance),
    'subnet-id': makeId('subnet', instance.region),
    'subnet-ipv4-cidr-block': '172.31.0.0/20',
    'vpc-id': state.vpcOf(instance.region),
  };
}

function groupNames(state: CloudState, { groupIds }: Instance): string {
  return groupIds.map((id) => state.groups.get(id)?.name ?? 'default').join('\n');
}

function identityOf(instance: Instance): unknown {
  return {
    accountId: account,
    architecture: instance.arch,
    availabilityZone: `${instance.region}a`,
    imageId: instance.imageId,
    instanceId: instance.id,
    instanceType: instance.type,
    pendingTime: isoTime(instance.createdMs),
    privateIp: privateAddress,
    region: instance.region,
    version: '2017-09-30',
  };
}
