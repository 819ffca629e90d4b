import { SpuffError } from '../../domain/errors.ts';
import type { CallOptions, Runtime } from '../../domain/provider.ts';
import type { Secret } from '../../domain/secret.ts';
import {
  type ApiRequest,
  createApiClient,
  interrupted,
  parseJson,
  readRetryAfter,
  type Transport,
} from '../../lib/api-client.ts';
import type { HttpsAnswer } from '../../lib/https.ts';
import { poll, type RetryPolicy } from '../../lib/retry.ts';
import { failure, toError } from './errors.ts';
import { type Fields, optionalObject, readArray, readId, readObject } from './fields.ts';

export interface HetznerDeps {
  runtime: Runtime;
  /** Asked for each request; a command that prints it may be behind it. */
  token: (signal: AbortSignal) => Promise<Secret>;
  /** `https://api.hetzner.cloud/v1`, or a simulator on this computer. */
  baseUrl: URL;
  transport?: Transport;
}

export type Query = NonNullable<ApiRequest['query']>;

/** A request that changes something. */
export interface Change {
  op: string;
  method: 'POST' | 'PUT' | 'DELETE';
  path: string;
  body?: unknown;
  repeatable: boolean;
}

export interface HetznerClient {
  readonly runtime: Runtime;
  /** One thing by its path; null when there is none. */
  read(op: string, path: string, call: CallOptions, query?: Query): Promise<Fields | null>;
  /** Everything of a list, over all its pages. */
  list(op: string, path: `/${string}`, call: CallOptions, query?: Query): Promise<Fields[]>;
  /** The answer may have one of the statuses `accept` instead of success. */
  change(change: Change, call: CallOptions, accept?: readonly number[]): Promise<HttpsAnswer>;
  /** Calls `attempt` until it gives something, or `untilMs` (of the runtime) or the call's deadline passes: undefined. */
  until<T>(
    op: string,
    call: CallOptions,
    attempt: () => Promise<T | undefined>,
    untilMs?: number,
  ): Promise<T | undefined>;
}

/** The limit is 3600 requests an hour and project, of which all may come at once, and one more each second. */
const spacingMs = 200;
const burst = 30;
const refillMs = 1_000;
export const pollPolicy: RetryPolicy = { firstDelayMs: 1_500, factor: 1.4, maxDelayMs: 8_000, jitter: 0.2 };

/** @see https://docs.hetzner.cloud/reference/cloud#description/pagination: 50 at most */
const perPage = 50;

export function createHetznerClient({ runtime, token, baseUrl, transport }: HetznerDeps): HetznerClient {
  const api = createApiClient({
    ...{ provider: 'hetzner', baseUrl, runtime, spacingMs, burst, toError },
    ...(transport && { transport }),
    authorize: async (_request, signal) => ({ authorization: `Bearer ${(await token(signal)).reveal()}` }),
    // `RateLimit-Reset` tells when all requests are back, which is far too late.
    retryAfterMs: (answer) => readRetryAfter(answer, runtime.now()) ?? refillMs,
  });
  return {
    runtime,
    async read(op, path, call, query) {
      const request: ApiRequest = { op, method: 'GET', path, repeatable: true, ...(query && { query }) };
      const answer = await api.send(request, call, [404]);
      return answer.status === 404 ? null : parseObject(answer, op);
    },
    list: (op, path, call, query) =>
      listPages(op, path, async (page) => {
        // Not every list can be sorted: those say `sort: undefined`.
        const paged = { sort: 'id:asc', ...query, page, per_page: perPage };
        const answer = await api.send({ op, method: 'GET', path, query: paged, repeatable: true }, call);
        return parseObject(answer, op);
      }),
    change({ body, ...change }, call, accept) {
      const content = body === undefined ? {} : { body: JSON.stringify(body), headers: jsonHeaders };
      return api.send({ ...change, ...content }, call, accept);
    },
    async until(op, call, attempt, untilMs) {
      const deadlineMs = Math.min(untilMs ?? Number.POSITIVE_INFINITY, call.deadline.getTime());
      try {
        return await poll(attempt, { policy: pollPolicy, runtime, signal: call.signal, deadlineMs });
      } catch (error) {
        if (call.signal.aborted && !(error instanceof SpuffError)) throw interrupted(call, op);
        throw error;
      }
    },
  };
}

const jsonHeaders = { 'content-type': 'application/json' };

export function parseObject(answer: HttpsAnswer, op: string): Fields {
  return readObject(parseJson(answer, { provider: 'hetzner', op }), { op, path: 'body' });
}

/**
 * Asks page after page. The order is that of the ids, so that what is made meanwhile comes at the end; where something
 * went meanwhile, the pages have moved up and one may have been missed, so all of them are read again.
 */
async function listPages(
  op: string,
  path: string,
  ask: (page: number) => Promise<Fields>,
): Promise<Fields[]> {
  const member = path.slice(1);
  const found = new Map<string, Fields>();
  for (let pass = 1; ; pass++) {
    let fewest = Number.POSITIVE_INFINITY;
    let moved = false;
    for (let page: number | null = 1; page !== null; ) {
      const answer = await ask(page);
      for (const item of readArray(answer[member], { op, path: member })) {
        const fields = readObject(item, { op, path: `${member}[]` });
        found.set(readId(fields, { op, path: `${member}[]` }), fields);
      }
      const { next, total } = readPagination(answer, op, page);
      moved ||= total < fewest && Number.isFinite(fewest);
      fewest = total;
      page = next;
    }
    if (!moved || pass === 3) return [...found.values()];
  }
}

function readPagination(answer: Fields, op: string, page: number): { next: number | null; total: number } {
  const place = { op, path: 'meta.pagination' };
  const pagination = readObject(optionalObject(answer['meta'])['pagination'], place);
  const { next_page: next, total_entries: total } = pagination;
  if (next !== null && (typeof next !== 'number' || next <= page)) {
    const what = typeof next === 'number' ? `page ${next} after page ${page}` : 'no next_page';
    throw failure('protocol', op, `the list of Hetzner Cloud does not end: it gave ${what}`, {
      ...{ field: 'meta.pagination.next_page', retryable: true },
    });
  }
  return { next, total: typeof total === 'number' ? total : Number.POSITIVE_INFINITY };
}
