/** A simulated AWS: one account, a few regions, EC2 and what goes with it, behind one address. The signature tells which is asked. */
import { type SimAnswer, type SimRequest, SimServer } from '../sim-server.ts';
import {
  describeOfferings,
  describeRegions,
  describeSpotPrices,
  describeSubnets,
  describeTypes,
} from './catalogue.ts';
import { checkSignature, type KnownKey, type Signer } from './check-signature.ts';
import { account, type CloudState, makeId } from './cloud-state.ts';
import { AwsFault } from './fault.ts';
import { authorize, createGroup, deleteGroup, describeGroups, revoke } from './groups.ts';
import { createImage, deleteSnapshot, deregisterImage, describeImages } from './images.ts';
import {
  describeInstances,
  modifyAttribute,
  modifyMetadata,
  runInstances,
  startInstances,
  stopInstances,
  terminateInstances,
} from './instances.ts';
import { jsonFaults } from './json-model.ts';
import { jsonActions } from './json-services.ts';
import { loadServiceModel } from './service-model.ts';
import { createTags, deleteTags, deleteThing, describeThings } from './things.ts';
import { type Params, readForm, textIn, writeXml, type Xml } from './wire.ts';

type Action = (state: CloudState, params: Params, region: string) => Xml | Promise<Xml>;

const ec2Actions: Readonly<Record<string, Action>> = {
  RunInstances: runInstances,
  DescribeInstances: describeInstances,
  TerminateInstances: terminateInstances,
  ModifyInstanceMetadataOptions: modifyMetadata,
  ModifyInstanceAttribute: modifyAttribute,
  CreateSecurityGroup: createGroup,
  DescribeSecurityGroups: describeGroups,
  AuthorizeSecurityGroupIngress: authorize,
  RevokeSecurityGroupIngress: revoke,
  DeleteSecurityGroup: deleteGroup,
  CreateImage: createImage,
  DescribeImages: describeImages,
  DeregisterImage: deregisterImage,
  DeleteSnapshot: deleteSnapshot,
  DescribeVolumes: describeThings('volume'),
  DeleteVolume: deleteThing('volume'),
  DescribeNetworkInterfaces: describeThings('nic'),
  DeleteNetworkInterface: deleteThing('nic'),
  DescribeAddresses: describeThings('address'),
  ReleaseAddress: deleteThing('address'),
  CreateTags: createTags,
  DeleteTags: deleteTags,
  StopInstances: stopInstances,
  StartInstances: startInstances,
  DescribeRegions: describeRegions,
  DescribeInstanceTypes: (_state, params, region) => describeTypes(params, region),
  DescribeInstanceTypeOfferings: (_state, params, region) => describeOfferings(params, region),
  DescribeSubnets: (_state, params, region) => describeSubnets(params, region),
  DescribeSpotPriceHistory: (state, params, region) => describeSpotPrices(params, region, state.now()),
};

export interface AwsSimulator {
  server: SimServer;
  /** What is behind the server's line. */
  answer(request: SimRequest): Promise<SimAnswer>;
  state: CloudState;
  keys: Map<string, KnownKey>;
  /** Whether requests and answers are held to the description that the AWS CLI brings. */
  heldToDescription: boolean;
}

/** @param model what requests and answers are held to; null: nothing */
export function createAwsSimulator(state: CloudState, model = loadServiceModel()): AwsSimulator {
  const keys = new Map<string, KnownKey>();
  const server = new SimServer({ handle: (request) => answer(request), now: () => state.now() });
  const answer = async (request: SimRequest): Promise<SimAnswer> => {
    const json = request.headers['x-amz-target'];
    try {
      const signer = checkSignature(request, keys, state.now());
      throttle(state);
      if (json !== undefined) {
        const faults = (found: readonly string[]) => void server.descriptionFaults.push(...found);
        return answerJson(state, request, json, signer, faults);
      }
      const params = readForm(request.body);
      const action = textIn(params, 'Action') ?? '';
      if (signer.service === 'sts') return answerSts(action, signer);
      const value = await answerEc2(state, params, action, signer.region, () => {
        if (model) server.descriptionFaults.push(...model.requestFaults(action, params));
      });
      if (model) server.descriptionFaults.push(...model.answerFaults(action, value));
      return xmlAnswer(`${action}Response`, { requestId: makeId('req'), ...(value as object) });
    } catch (error) {
      if (!(error instanceof AwsFault)) {
        server.descriptionFaults.push(`the simulator broke: ${String(error)}`);
        throw error;
      }
      if (json !== undefined) return jsonFault(error);
      return request.body.includes('Version=2011-06-15') ? stsFault(error) : xmlFault(error);
    }
  };
  return { server, answer, state, keys, heldToDescription: model !== null };
}

function throttle({ settings }: CloudState): void {
  if (settings.throttle <= 0) return;
  settings.throttle -= 1;
  throw new AwsFault('RequestLimitExceeded', 'Request limit exceeded.', 503);
}

async function answerEc2(
  state: CloudState,
  params: Params,
  action: string,
  region: string,
  holdRequest: () => void,
): Promise<Xml> {
  const known = Object.hasOwn(ec2Actions, action) ? ec2Actions[action] : undefined;
  if (!known || textIn(params, 'Version') !== '2016-11-15')
    throw new AwsFault('InvalidAction', `The action ${action} is not valid for this web service.`);
  requirePermission(state, `ec2:${action}`);
  // Tags that come with what is made take a permission of their own, which can be kept to that.
  if (params['TagSpecification'] && state.settings.missingScopes.includes('ec2:CreateTags on create'))
    throw refusalOf('ec2:CreateTags');
  holdRequest();
  if (textIn(params, 'DryRun') === 'true')
    throw new AwsFault('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
  await state.catchUp();
  const { DryRun: _dryRun, Action: _action, Version: _version, ...rest } = params;
  return known(state, Object.assign(Object.create(null) as Params, rest), region);
}

const person = `arn:aws:iam::${account}:user/somebody`;

function requirePermission({ settings }: CloudState, permission: string): void {
  if (settings.missingScopes.includes(permission)) throw refusalOf(permission);
}

function refusalOf(permission: string): AwsFault {
  const message = `User: ${person} is not authorized to perform: ${permission} on resource: * because no identity-based policy allows the ${permission} action`;
  if (!permission.startsWith('ec2:')) return new AwsFault('AccessDeniedException', message, 400);
  const encoded = Buffer.from(message.repeat(3)).toString('base64url');
  return new AwsFault(
    'UnauthorizedOperation',
    `You are not authorized to perform this operation. ${message}. Encoded authorization failure message: ${encoded}`,
    403,
  );
}

function answerSts(action: string, { accessKeyId }: Signer): SimAnswer {
  if (action !== 'GetCallerIdentity')
    throw new AwsFault('InvalidAction', `Could not find operation ${action}`);
  return xmlAnswer('GetCallerIdentityResponse', {
    GetCallerIdentityResult: { UserId: accessKeyId.replace(/^AKIA/, 'AIDA'), Account: account, Arn: person },
    ResponseMetadata: { RequestId: makeId('req') },
  });
}

function answerJson(
  state: CloudState,
  request: SimRequest,
  target: string,
  signer: Signer,
  onFaults: (found: readonly string[]) => void,
): SimAnswer {
  const known = Object.hasOwn(jsonActions, target) ? jsonActions[target] : undefined;
  if (known?.service !== signer.service) throw new AwsFault('UnknownOperationException', '');
  const action = target.replace(/^.*\./, '');
  requirePermission(state, `${signer.service}:${action}`);
  const body = JSON.parse(request.body) as Record<string, unknown>;
  onFaults(jsonFaults(signer.service, action, 'input', body));
  const answer = known.answer(state, body, signer.region);
  onFaults(jsonFaults(signer.service, action, 'output', answer));
  return { status: 200, body: answer };
}

const xmlHeaders = { 'content-type': 'text/xml;charset=UTF-8' };

function xmlAnswer(name: string, value: Xml): SimAnswer {
  const space = ' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"';
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${writeXml(name, value, space)}`;
  return { status: 200, headers: xmlHeaders, body };
}

function xmlFault({ code, message, status }: AwsFault): SimAnswer {
  const error = writeXml('Error', { Code: code, Message: message });
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors>${error}</Errors><RequestID>${makeId('req')}</RequestID></Response>`;
  return { status, headers: xmlHeaders, body };
}

function stsFault({ code, message, status }: AwsFault): SimAnswer {
  const said = { Type: 'Sender', Code: code, Message: message };
  const body = writeXml('ErrorResponse', { Error: said, RequestId: makeId('req') });
  return { status, headers: xmlHeaders, body };
}

function jsonFault({ code, message, status }: AwsFault): SimAnswer {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': makeId('req') };
  return { status, headers, body: JSON.stringify({ __type: `com.amazonaws#${code}`, message }) };
}
