/** Requests to AWS: signed, spaced, and read. One connection of requests for each region and service. */
import type { AwsV4Signer } from 'aws4fetch';
import type { CallOptions, Runtime } from '../../domain/provider.ts';
import {
  type ApiClient,
  type ApiRequest,
  createApiClient,
  parseJson,
  readRetryAfter,
  showRemote,
  type Transport,
} from '../../lib/api-client.ts';
import type { HttpsAnswer } from '../../lib/https.ts';
import type { AwsCredentials } from './credentials.ts';
import { type AwsService, checkRegion, type FindEndpoint } from './endpoints.ts';
import { failure, toAwsError } from './errors.ts';
import { encodeQuery, type QueryParams } from './query-body.ts';
import { loadXmlParser, nodeAt, type ParseXml, type XmlNode } from './read-xml.ts';

export interface AwsClientDeps {
  runtime: Runtime;
  credentials: (signal: AbortSignal) => Promise<AwsCredentials>;
  endpoint: FindEndpoint;
  transport?: Transport;
}

/** Who asks, of which region, under which method of the port. */
export interface AwsCall {
  op: string;
  region: string;
  options: CallOptions;
}

export interface AwsClient {
  runtime: Runtime;
  /**
   * An action of EC2. All that spuff asks has the effect of one when it is asked twice: reads, what carries a token or a
   * unique name, and what AWS refuses with a code of its own the second time.
   * @returns the content of `<ActionResponse>`
   */
  ec2(call: AwsCall, action: string, params: QueryParams): Promise<XmlNode>;
  /** As `ec2`, but an answer of 500 is not asked again and is thrown as the error that it says. */
  ec2Once(call: AwsCall, action: string, params: QueryParams): Promise<XmlNode>;
  /** All pages of a Describe action, as the elements of `list`. */
  ec2Pages(call: AwsCall, action: string, list: string, params: QueryParams): AsyncGenerator<XmlNode[]>;
  sts(call: AwsCall, action: string): Promise<XmlNode>;
  /** A service that speaks JSON; `target` is its name there and the action: `AmazonSSM.GetParameter`. */
  json(call: AwsCall, service: AwsService, target: string, body: object): Promise<unknown>;
}

const ec2Version = '2016-11-15';
const stsVersion = '2011-06-15';

/** EC2 refills 20 reads or 5 changes a second and lets bursts of 50 through; the other services ask for less than 10. */
const spacingMs = 100;
const burstOf = (service: AwsService) => (service === 'ec2' ? 20 : 5);

interface Parts {
  send(call: AwsCall, service: AwsService, request: Request): Promise<HttpsAnswer>;
  parseXml(): Promise<ParseXml>;
}

interface Request {
  permission: string;
  body: string;
  headers: Record<string, string>;
  accept?: readonly number[];
}

export function createAwsClient(deps: AwsClientDeps): AwsClient {
  const parts = { send: createSender(deps), parseXml: once(loadXmlParser) };
  const ec2 = async (call: AwsCall, action: string, params: QueryParams, accept: readonly number[] = []) => {
    const permission = `ec2:${action}`;
    const request = { ...formOf(encodeQuery(action, ec2Version, params)), permission, accept };
    const answer = await parts.send(call, 'ec2', request);
    if (answer.status >= 300) throw toAwsError(answer, { op: call.op, permission }, null);
    return readAnswer(await parts.parseXml(), answer, action, call.op);
  };
  return {
    runtime: deps.runtime,
    ec2: (call, action, params) => ec2(call, action, params),
    ec2Once: (call, action, params) => ec2(call, action, params, [500]),
    ec2Pages: (call, action, list, params) => pagesOf(ec2, call, action, list, params),
    async sts(call, action) {
      const form = formOf(encodeQuery(action, stsVersion, {}));
      const answer = await parts.send(call, 'sts', { ...form, permission: `sts:${action}` });
      return nodeAt(readAnswer(await parts.parseXml(), answer, action, call.op), `${action}Result`);
    },
    json: (call, service, target, body) => askJson(parts, call, service, target, body),
  };
}

function formOf(body: string): { body: string; headers: Record<string, string> } {
  return {
    body,
    headers: { accept: 'text/xml', 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
  };
}

async function askJson(
  parts: Parts,
  call: AwsCall,
  service: AwsService,
  target: string,
  body: object,
): Promise<unknown> {
  const permission = `${service}:${target.replace(/^.*\./, '')}`;
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target };
  const answer = await parts.send(call, service, { permission, body: JSON.stringify(body), headers });
  return parseJson(answer, { provider: 'aws', op: call.op });
}

function readAnswer(parse: ParseXml, answer: HttpsAnswer, action: string, op: string): XmlNode {
  const root = parse(answer, op);
  const name = `${action}Response`;
  if (name in root) return nodeAt(root, name);
  const got = showRemote(Object.keys(root).join(' ')).slice(0, 60);
  throw failure('protocol', op, `AWS gave ${JSON.stringify(got)} instead of ${name}`, {
    retryable: true,
    hints: ['a proxy may have answered in its place: try again, or another network'],
  });
}

type Ask = (call: AwsCall, action: string, params: QueryParams) => Promise<XmlNode>;

/** @throws ProviderError `protocol` when a page leads to one that was there before */
async function* pagesOf(
  ask: Ask,
  call: AwsCall,
  action: string,
  list: string,
  params: QueryParams,
): AsyncGenerator<XmlNode[]> {
  const seen = new Set<string>();
  for (let next: string | undefined; ; ) {
    const page = await ask(call, action, { ...params, NextToken: next });
    const items = nodeAt(page, list)['item'];
    yield Array.isArray(items) ? (items as XmlNode[]) : [];
    const token = page['nextToken'];
    if (typeof token !== 'string' || token === '') return;
    if (seen.has(token))
      throw failure('protocol', call.op, `the pages of ${action} lead back to one of themselves`);
    seen.add(token);
    next = token;
  }
}

function createSender({ runtime, credentials, endpoint, transport }: AwsClientDeps): Parts['send'] {
  const clients = new Map<string, ApiClient>();
  const loadSigner = once(async () => (await import('aws4fetch')).AwsV4Signer);
  const permissions = new WeakMap<ApiRequest, string>();
  let held: { signer: typeof AwsV4Signer; current: AwsCredentials } | null = null;
  const openClient = (region: string, service: AwsService): ApiClient =>
    createApiClient({
      ...{ provider: 'aws', baseUrl: endpoint(region, service), runtime, spacingMs },
      ...{ burst: burstOf(service), ...(transport && { transport }) },
      authorize: async ({ method, url, headers, body }) => {
        if (held === null) throw new TypeError('a request before its credentials');
        return sign(
          held.signer,
          held.current,
          { method, url, headers, body, service, region },
          runtime.now(),
        );
      },
      toError: (answer, request) => {
        const permission = permissions.get(request) ?? service;
        return toAwsError(answer, { op: request.op, permission }, readRetryAfter(answer, runtime.now()));
      },
      retryAfterMs: (answer) => readRetryAfter(answer, runtime.now()),
    });
  return async (call, service, { permission, body, headers, accept = [] }) => {
    const region = checkRegion(call.region, call.op);
    const { options } = call;
    if (!options.signal.aborted && runtime.now() < options.deadline.getTime())
      held = { signer: await loadSigner(), current: await credentials(options.signal) };
    const name = `${service} ${region}`;
    const client = clients.get(name) ?? openClient(region, service);
    clients.set(name, client);
    const request: ApiRequest = {
      ...{ op: call.op, method: 'POST', path: '/', body, headers },
      repeatable: true,
    };
    permissions.set(request, permission);
    return client.send(
      request,
      tellAction(options, `${service}.${region}/`, permission.replace(/^.*:/, '')),
      accept,
    );
  };
}

/** Every request goes to `/`: what it is about says its action. */
function tellAction(options: CallOptions, place: string, action: string): CallOptions {
  const { onRequest } = options;
  const told = { url: `${place}?Action=${action}`, isRead: /^(?:Describe|Get|List)[A-Z]/.test(action) };
  return onRequest ? { ...options, onRequest: (request) => onRequest({ ...request, ...told }) } : options;
}

/** Signature version 4. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
async function sign(
  Signer: typeof AwsV4Signer,
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  request: {
    method: string;
    url: URL;
    headers: Readonly<Record<string, string>>;
    body: string;
    service: string;
    region: string;
  },
  nowMs: number,
): Promise<Record<string, string>> {
  const signer = new Signer({
    ...{ method: request.method, url: request.url.href, headers: { ...request.headers }, body: request.body },
    ...{ service: request.service, region: request.region, allHeaders: true },
    datetime: new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    ...{ accessKeyId, secretAccessKey: secretAccessKey.reveal() },
    ...(sessionToken !== null && { sessionToken: sessionToken.reveal() }),
  });
  const { headers } = await signer.sign();
  const names = ['authorization', 'x-amz-date', 'x-amz-security-token'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
