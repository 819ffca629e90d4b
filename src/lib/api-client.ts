/**
 * The client of a cloud's JSON or XML API: when to ask again, how fast, how long. What an answer means is the provider's.
 */
import { SpuffError } from '../domain/errors.ts';
import type { CallOptions, ProviderId, Runtime } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { escapeText } from './escape.ts';
import { type HttpsAnswer, type HttpsRequest, requestHttps, TransportError } from './https.ts';
import { findToken } from './token-shapes.ts';

export interface ApiRequest {
  /** The method of the port that asks. */
  op: string;
  method: HttpsRequest['method'];
  /** Below the base address, beginning with `/`. */
  path: string;
  query?: Readonly<Record<string, string | number | undefined>>;
  body?: string;
  headers?: Readonly<Record<string, string>>;
  /** Whether the same request twice has the effect of one; only then is it sent again after an answer that was lost. */
  repeatable: boolean;
}

export interface ApiClientDeps {
  provider: ProviderId;
  baseUrl: URL;
  runtime: Runtime;
  /** Headers that prove who asks, made for each try; the signal is the call's. */
  authorize(
    request: { method: string; url: URL; headers: Readonly<Record<string, string>>; body: string },
    signal: AbortSignal,
  ): Promise<Record<string, string>>;
  /** The error that an answer outside 2xx stands for; null: it is an answer like another, such as a 404 for `get`. */
  toError(answer: HttpsAnswer, request: ApiRequest): ProviderError;
  /** The time between the starts of two requests that goes on without end, in ms. */
  spacingMs: number;
  /** So many requests may go out at once, each of which is earned by `spacingMs` without one; 1 when missing. */
  burst?: number;
  /** Where the provider says how long to wait, in ms; null: it does not. */
  retryAfterMs?(answer: HttpsAnswer): number | null;
  /** What carries requests; HTTPS when missing. */
  transport?: Transport;
}

/** @throws TransportError when there is no answer, or none that can be used */
export type Transport = (request: HttpsRequest) => Promise<HttpsAnswer>;

export interface ApiClient {
  /**
   * @returns an answer with a status in 2xx, or one of `accept`
   * @throws ProviderError: `timeout` at the deadline, `network` when nothing was answered, `ambiguous` when a request that
   * may not be repeated may have got through; else what `toError` makes of the answer. SpuffError `interrupted`.
   */
  send(request: ApiRequest, call: CallOptions, accept?: readonly number[]): Promise<HttpsAnswer>;
}

const requestTimeoutMs = 30_000;
const maxAnswerBytes = 16 * 1024 * 1024;
const maxTries = 6;
const backoff = { firstMs: 500, factor: 2, maxMs: 20_000 };

export function createApiClient(deps: ApiClientDeps): ApiClient {
  const { spacingMs, burst = 1 } = deps;
  /** When all that may go out at once has been earned again. */
  let fullMs = 0;
  /** Takes a place in the queue; beyond a burst, the places are a fixed time apart. */
  const takeTurn = async (signal: AbortSignal): Promise<void> => {
    const now = deps.runtime.now();
    const startMs = Math.max(now, fullMs - (burst - 1) * spacingMs);
    fullMs = Math.max(now, fullMs) + spacingMs;
    if (startMs > now) await deps.runtime.sleep(startMs - now, signal);
  };
  return {
    async send(request, call, accept = []) {
      for (let tries = 1; ; tries++) {
        checkCall(deps, request, call);
        await stopped(call, request, () => takeTurn(call.signal));
        checkCall(deps, request, call);
        const outcome = await attempt(deps, request, call);
        if ('answer' in outcome && isWelcome(outcome.answer, accept)) return outcome.answer;
        const error = 'answer' in outcome ? deps.toError(outcome.answer, request) : outcome.error;
        const waitMs = tries < maxTries ? delayBefore(deps, request, outcome, error, tries) : null;
        if (waitMs === null || deps.runtime.now() + waitMs >= call.deadline.getTime()) throw error;
        await stopped(call, request, () => deps.runtime.sleep(waitMs, call.signal));
      }
    },
  };
}

type Outcome = { answer: HttpsAnswer } | { error: ProviderError; transport: TransportError };

function isWelcome({ status }: HttpsAnswer, accept: readonly number[]): boolean {
  return (status >= 200 && status < 300) || accept.includes(status);
}

/** How long to wait before the next try, in ms; null: there may be none. */
function delayBefore(
  deps: ApiClientDeps,
  request: ApiRequest,
  outcome: Outcome,
  error: ProviderError,
  tries: number,
): number | null {
  const ceiling = Math.min(backoff.maxMs, backoff.firstMs * backoff.factor ** (tries - 1));
  const chanceMs = ceiling * (0.5 + 0.5 * deps.runtime.random());
  if ('transport' in outcome) {
    if (outcome.transport.kind === 'untrusted' || outcome.transport.kind === 'too-large') return null;
    return request.repeatable || !outcome.transport.sent ? chanceMs : null;
  }
  // The provider refused before it did anything.
  if (error.providerCode === 'rate-limited')
    return Math.max(error.info.retryAfterMs ?? 0, deps.retryAfterMs?.(outcome.answer) ?? 0, chanceMs);
  return outcome.answer.status >= 500 && request.repeatable ? chanceMs : null;
}

async function attempt(deps: ApiClientDeps, request: ApiRequest, call: CallOptions): Promise<Outcome> {
  const url = addressOf(deps.baseUrl, request);
  const { method, body } = request;
  const plain = { accept: 'application/json', ...request.headers };
  const headers = {
    ...plain,
    ...(await deps.authorize({ method, url, headers: plain, body: body ?? '' }, call.signal)),
  };
  const startedMs = deps.runtime.now();
  const tell = (answer?: HttpsAnswer) => {
    const serverTime = answer && readServerTime(answer);
    const requestId = answer && readRequestId(answer);
    call.onRequest?.({
      method,
      url: url.pathname + url.search,
      ms: deps.runtime.now() - startedMs,
      ...(answer && { status: answer.status }),
      ...(serverTime && { serverTime }),
      ...(requestId && { requestId }),
    });
  };
  try {
    const answer = await (deps.transport ?? requestHttps)({
      ...{ method, url, headers, signal: call.signal, maxBytes: maxAnswerBytes },
      ...(body !== undefined && { body }),
      timeoutMs: Math.min(requestTimeoutMs, call.deadline.getTime() - startedMs),
      fresh: !request.repeatable,
    });
    tell(answer);
    return { answer };
  } catch (error) {
    tell();
    if (call.signal.aborted) throw interrupted(call, request.op);
    if (!(error instanceof TransportError)) throw error;
    return { error: toProviderError(deps, request, call, error), transport: error };
  }
}

function addressOf(base: URL, { path, query }: ApiRequest): URL {
  const url = new URL(base.pathname.replace(/\/$/, '') + path, base);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

function toProviderError(
  deps: ApiClientDeps,
  request: ApiRequest,
  call: CallOptions,
  error: TransportError,
): ProviderError {
  const info = { provider: deps.provider, op: request.op, cause: error };
  const late = deps.runtime.now() >= call.deadline.getTime();
  if (error.kind === 'untrusted') {
    return new ProviderError('network', error.message, {
      ...info,
      retryable: false,
      hints: [
        'something between you and the provider answers in its place: try another network, or look at your proxy',
      ],
    });
  }
  if (error.kind === 'too-large')
    return new ProviderError('protocol', error.message, { ...info, retryable: false });
  if (error.sent && !request.repeatable) {
    return new ProviderError(
      'ambiguous',
      `${error.message}; whether ${request.op} took effect is not known`,
      {
        ...info,
        retryable: false,
      },
    );
  }
  const code = error.kind === 'timeout' || late ? 'timeout' : 'network';
  return new ProviderError(code, error.message, {
    ...info,
    retryable: true,
    hints: ['look at your network, and try again'],
  });
}

/** A call that is over makes no request. */
function checkCall(deps: ApiClientDeps, request: ApiRequest, call: CallOptions): void {
  if (call.signal.aborted) throw interrupted(call, request.op);
  if (deps.runtime.now() < call.deadline.getTime()) return;
  throw new ProviderError('timeout', `${deps.provider} did not do ${request.op} in time`, {
    ...{ provider: deps.provider, op: request.op, retryable: true },
    hints: ['try again'],
  });
}

async function stopped(call: CallOptions, request: ApiRequest, wait: () => Promise<void>): Promise<void> {
  try {
    await wait();
  } catch (error) {
    if (call.signal.aborted) throw interrupted(call, request.op);
    throw error;
  }
}

/** What a call ends with that its caller has aborted. */
export function interrupted({ signal }: Pick<CallOptions, 'signal'>, op: string): SpuffError {
  if (signal.reason instanceof SpuffError) return signal.reason;
  return new SpuffError('interrupted', `${op} was stopped`, { cause: signal.reason });
}

/**
 * The value of a JSON answer.
 * @throws ProviderError `protocol` for anything else: the page of a proxy, an answer that was cut short
 */
export function parseJson(answer: HttpsAnswer, context: { provider: ProviderId; op: string }): unknown {
  try {
    return JSON.parse(answer.body);
  } catch (error) {
    const start = JSON.stringify(showRemote(answer.body.slice(0, 60)));
    const what = answer.body === '' ? 'an empty answer' : `an answer that begins with ${start}`;
    throw new ProviderError(
      'protocol',
      `${context.provider} gave ${what} instead of JSON (HTTP ${answer.status})`,
      {
        ...context,
        ...{ status: answer.status, retryable: true, cause: error },
        hints: ['a proxy may have answered in its place: try again, or another network'],
      },
    );
  }
}

/** Text of a remote, on one line, short, and without what looks like a token: for messages. */
export function showRemote(text: string): string {
  const line = escapeText(text.trim(), { singleLine: true }).slice(0, 300);
  return findToken(line) === null ? line : '[redacted]';
}

/** The `Date` of an answer (RFC 9110, 6.6.1), to the second; null when there is none that can be read. */
export function readServerTime({ headers }: Pick<HttpsAnswer, 'headers'>): Date | null {
  const value = headers['date'] ?? '';
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value)) return null;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** The name of an answer by which its sender finds it again: what to give to a provider's support. */
function readRequestId({ headers }: Pick<HttpsAnswer, 'headers'>): string | null {
  const names = ['x-request-id', 'x-amzn-requestid', 'x-correlation-id'];
  const [id] = names.flatMap((name) => headers[name] ?? []);
  return id !== undefined && /^[\w.:-]{1,100}$/.test(id) ? id : null;
}

/** `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3), in ms from now; null when there is none. */
export function readRetryAfter(answer: HttpsAnswer, nowMs: number): number | null {
  const value = answer.headers['retry-after'];
  if (value === undefined) return null;
  if (/^\d{1,6}$/.test(value)) return Number(value) * 1_000;
  // Only a date of RFC 9110: `Date.parse` itself makes something of `-1` too.
  const at = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}
