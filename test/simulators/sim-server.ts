/**
 * The line to a simulated cloud: a real HTTP server on loopback that keeps what happens at the cloud apart from what is
 * heard of it. Answers can be lost after the cloud has acted, requests before it has; both can be slow.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApiDescription, Exchange } from './openapi.ts';

export interface SimRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Readonly<Record<string, string>>;
  body: string;
}

export interface SimAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** Text goes out as it is, anything else as JSON; undefined: an empty body. */
  body?: unknown;
}

export interface Fault {
  /** Which requests; all of them when missing. `match` is asked once for each request, in the order of their coming. */
  method?: string;
  path?: RegExp;
  match?: (request: SimRequest) => boolean;
  /** How many of those; 1 when missing. */
  times?: number;
  kind: 'request-lost' | 'answer-lost' | 'answer' | 'cut-short';
  /** For `answer`: what the line says in place of the cloud, which has done nothing. */
  answer?: SimAnswer;
}

export interface SimServerOptions {
  /** The cloud. */
  handle(request: SimRequest): SimAnswer | Promise<SimAnswer>;
  /** What the cloud is held to, and what of the path the description leaves out. */
  description?: ApiDescription | null;
  pathPrefix?: string;
  undeclared?: readonly string[];
  /** The cloud's clock, by which answers are dated; the real one when missing. */
  now?: () => number;
}

export class SimServer {
  readonly requests: (SimRequest & { status: number | null })[] = [];
  /** Where a request or an answer broke the official description. */
  readonly descriptionFaults: string[] = [];
  /** How long each answer takes. */
  delayMs = 0;
  readonly #options: SimServerOptions;
  readonly #server: Server;
  #faults: Fault[] = [];
  #busy = 0;

  constructor(options: SimServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#busy += 1;
      const onBug = (error: unknown) => {
        // A bug of the simulator, not something of the cloud: no test may take it for an answer.
        this.descriptionFaults.push(`the simulator failed: ${String(error)}`);
        request.socket.destroy();
      };
      void this.#serve(request, response)
        .catch(onBug)
        .finally(() => {
          this.#busy -= 1;
        });
    });
  }

  /** @returns the address, `http://127.0.0.1:PORT` */
  async start(port = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  fail(fault: Fault): void {
    this.#faults.push({ times: 1, ...fault });
  }

  healAll(): void {
    this.#faults = [];
  }

  /** Comes back when the cloud has done all that it was asked for, whoever still listens. */
  async idle(): Promise<void> {
    do await new Promise((resolve) => setTimeout(resolve, 2));
    while (this.#busy > 0);
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    const record = { ...request, status: null as number | null };
    this.requests.push(record);
    const fault = this.#takeFault(request);
    if (fault?.kind === 'request-lost') return void incoming.socket.destroy();
    const answer =
      fault?.kind === 'answer' ? (fault.answer ?? { status: 500 }) : await this.#options.handle(request);
    record.status = answer.status;
    const text =
      typeof answer.body === 'string'
        ? answer.body
        : answer.body === undefined
          ? ''
          : JSON.stringify(answer.body);
    if (fault?.kind !== 'answer') this.#hold(request, answer.status, text);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (fault?.kind === 'answer-lost') return void incoming.socket.destroy();
    const type = typeof answer.body === 'string' ? {} : { 'content-type': 'application/json' };
    response.writeHead(answer.status, {
      ...type,
      'content-length': Buffer.byteLength(text),
      date: new Date((this.#options.now ?? Date.now)()).toUTCString(),
      ...answer.headers,
    });
    if (fault?.kind !== 'cut-short') return void response.end(text);
    response.write(text.slice(0, text.length / 2), () => incoming.socket.destroy());
  }

  #takeFault(request: SimRequest): Fault | undefined {
    const { method, path } = request;
    const fault = this.#faults.find(
      (one) =>
        (one.method ?? method) === method && (one.path ?? /^/).test(path) && (one.match?.(request) ?? true),
    );
    if (fault && --(fault.times as number) <= 0) this.#faults.splice(this.#faults.indexOf(fault), 1);
    return fault;
  }

  #hold(request: SimRequest, status: number, answerBody: string): void {
    const { description, pathPrefix = '', undeclared } = this.#options;
    if (!description) return;
    const { method, query, body: requestBody } = request;
    const exchange: Exchange = {
      method,
      path: request.path.replace(pathPrefix, ''),
      query,
      requestBody,
      status,
      answerBody,
    };
    this.descriptionFaults.push(...description.findFaults(exchange, undeclared));
  }
}

async function readRequest(incoming: IncomingMessage): Promise<SimRequest> {
  const url = new URL(incoming.url ?? '/', 'http://sim');
  const chunks = (await incoming.toArray()) as Buffer[];
  return {
    method: incoming.method ?? 'GET',
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers: Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
    ),
    body: Buffer.concat(chunks).toString('utf8'),
  };
}
