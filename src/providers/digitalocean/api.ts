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
import { Answer } from './answer.ts';
import { toDigitalOceanError } from './errors.ts';
import { failure, providerId } from './failure.ts';

export interface DigitalOceanDeps {
  runtime: Runtime;
  /** Asked for each request, and not kept. */
  token: (signal: AbortSignal) => Promise<Secret>;
  /** `https://api.digitalocean.com` */
  baseUrl: URL;
  transport?: Transport;
}

type Question = Pick<ApiRequest, 'op' | 'path' | 'query'>;

export interface Api {
  runtime: Runtime;
  /** @throws what `ApiClient.send` throws, here and below */
  get(question: Question, call: CallOptions): Promise<Answer>;
  /** null for 404. */
  find(question: Question, call: CallOptions): Promise<Answer | null>;
  /** The items under `list` of all pages. */
  pages(question: Question, list: string, call: CallOptions): Promise<Answer[]>;
  /** A change that asking twice would make twice; `ambiguous` when the answer was lost. */
  post(question: Question, body: unknown, call: CallOptions): Promise<Answer>;
  /** The same twice is as good as once. */
  put(question: Question, body: unknown, call: CallOptions, method?: 'PUT' | 'POST'): Promise<Answer>;
  /** A change that may be repeated, and answers with nothing. */
  apply(question: Question, body: unknown, call: CallOptions, method: 'POST' | 'DELETE'): Promise<void>;
  /** Absent is success. */
  remove(question: Question, call: CallOptions): Promise<void>;
  /** Asks until there is something other than undefined; undefined when `untilMs` (or the call's deadline) comes first. */
  wait<T>(
    attempt: () => Promise<T | undefined>,
    call: CallOptions,
    options?: { policy?: RetryPolicy; untilMs?: number },
  ): Promise<T | undefined>;
}

/** 250 requests a minute; there are 5000 an hour besides, which `ratelimit-reset` tells of. */
export const rateLimit = { perHour: 5_000, perMinute: 250 };

/** What a command asks: few need more. */
const burst = 20;

/** What a machine does takes seconds; its answers are the same for as long. */
const waitPolicy: RetryPolicy = { firstDelayMs: 1_000, factor: 1.4, maxDelayMs: 8_000, jitter: 0.2 };

const jsonHeaders = { 'content-type': 'application/json' };

/** The largest page there is. */
const pageSize = 200;
/** As many as an account of 100 000 of one thing has. */
const maxPages = 500;

export function createApi({ runtime, token, baseUrl, transport }: DigitalOceanDeps): Api {
  const client = createApiClient({
    ...{ provider: providerId, baseUrl, runtime, toError: toDigitalOceanError },
    ...(transport && { transport }),
    authorize: async (_request, signal) => ({ authorization: `Bearer ${(await token(signal)).reveal()}` }),
    // A little slower than the limit, also with what goes out at once: the two ends do not count from the same moment.
    spacingMs: Math.ceil(60_000 / (rateLimit.perMinute - burst - 5)),
    burst,
    retryAfterMs: (answer) => readWait(answer, runtime.now()),
  });
  const send = (request: ApiRequest, call: CallOptions, accept: readonly number[] = []) =>
    client.send({ ...request, ...(request.body !== undefined && { headers: jsonHeaders }) }, call, accept);
  const read = async (question: Question, call: CallOptions): Promise<Answer> =>
    open(await send({ ...question, method: 'GET', repeatable: true }, call), question.op);
  return {
    runtime,
    get: read,
    async find(question, call) {
      const answer = await send({ ...question, method: 'GET', repeatable: true }, call, [404]);
      return answer.status === 404 ? null : open(answer, question.op);
    },
    pages: (question, list, call) => readPages(read, question, list, call),
    async post(question, body, call) {
      const request = { ...question, method: 'POST', body: JSON.stringify(body), repeatable: false } as const;
      return open(await send(request, call), question.op);
    },
    async put(question, body, call, method = 'PUT') {
      const request = { ...question, method, body: JSON.stringify(body), repeatable: true } as const;
      return open(await send(request, call), question.op);
    },
    async apply(question, body, call, method) {
      await send({ ...question, method, body: JSON.stringify(body), repeatable: true }, call);
    },
    async remove(question, call) {
      await send({ ...question, method: 'DELETE', repeatable: true }, call, [404]);
    },
    wait: (attempt, call, options) => waitFor(runtime, attempt, call, options),
  };
}

function open(answer: HttpsAnswer, op: string): Answer {
  if (answer.status === 204) return new Answer(null, op);
  return new Answer(parseJson(answer, { provider: providerId, op }), op);
}

async function waitFor<T>(
  runtime: Runtime,
  attempt: () => Promise<T | undefined>,
  call: CallOptions,
  options: { policy?: RetryPolicy; untilMs?: number } = {},
): Promise<T | undefined> {
  const { policy = waitPolicy, untilMs = Number.POSITIVE_INFINITY } = options;
  const deadlineMs = Math.min(untilMs, call.deadline.getTime());
  try {
    return await poll(attempt, { policy, runtime, signal: call.signal, deadlineMs });
  } catch (error) {
    // A sleep that was stopped says so in its own words.
    if (call.signal.aborted && !(error instanceof SpuffError)) throw interrupted(call, 'the wait');
    throw error;
  }
}

/**
 * Of a link to the next page only the number is taken: whoever writes the link does not choose where the token goes. Pages
 * are counted up, so that links in a circle end.
 */
async function readPages(
  read: (question: Question, call: CallOptions) => Promise<Answer>,
  question: Question,
  list: string,
  call: CallOptions,
): Promise<Answer[]> {
  const items: Answer[] = [];
  for (let page = 1; ; ) {
    const query = { ...question.query, per_page: pageSize, ...(page > 1 && { page }) };
    const answer = await read({ ...question, query }, call);
    items.push(...answer.at(list).list());
    const next = answer.at('links').at('pages').at('next').textOr(null);
    if (next === null || next === '') return items;
    const number = Number(URL.parse(next, 'https://api.digitalocean.com')?.searchParams.get('page'));
    if (!Number.isSafeInteger(number) || number <= page || number > maxPages) {
      throw failure(
        'protocol',
        question.op,
        `DigitalOcean's list of ${list} does not end: page ${page} leads to ${number}`,
      );
    }
    page = number;
  }
}

/** `retry-after` comes with a burst only; else the hour's allowance is used up until its oldest request is an hour old. */
function readWait(answer: HttpsAnswer, nowMs: number): number | null {
  const told = readRetryAfter(answer, nowMs);
  if (told !== null) return told;
  const reset = answer.headers['ratelimit-reset'];
  if (reset === undefined || !/^\d{9,12}$/.test(reset)) return null;
  return Math.min(3_600_000, Math.max(0, Number(reset) * 1_000 - nowMs));
}
