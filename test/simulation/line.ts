/** The way to a cloud's API, by which a request may get there or not, and its answer come back or not. */
import { type HttpsAnswer, type HttpsRequest, TransportError } from '../../src/lib/https.ts';
import type { SimAnswer, SimRequest } from '../simulators/sim-server.ts';
import type { SimProcess } from './host.ts';
import type { Random } from './random.ts';
import { covers, type Span } from './spans.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface Weather {
  /** The API answers nobody, or with errors of its own. */
  down: Span[];
  /** It refuses everybody for their rate. */
  refusing: Span[];
  /** It takes no snapshots. */
  noSnapshots: Span[];
  /** The share of requests that never arrive, and of answers that never do. */
  lossShare: number;
}

interface Passage {
  time: VirtualTime;
  random: Random;
  weather: Weather;
  process: SimProcess;
  /** After each request that the cloud has acted on. */
  onDone: (process: SimProcess) => Promise<void> | void;
}

/** How a request ended that the cloud itself was not asked. */
export type Mishap = 'unreachable' | 'request-lost' | 'answer-lost' | 'server-error' | 'rate-limited';

/**
 * Carries one request, if the weather lets it; the process may die before the cloud acts and after it has.
 * @returns what the cloud said, or what came instead
 */
export async function carry<T>(
  passage: Passage,
  act: () => Promise<T>,
): Promise<{ answer: T } | { mishap: Mishap }> {
  const { time, random, weather, process, onDone } = passage;
  await process.sleep(random.between(20, 200));
  await process.mayDie();
  if (covers(process.host.cutOff, time.now())) return { mishap: 'unreachable' };
  if (covers(weather.down, time.now()))
    return { mishap: random.chance(0.5) ? 'unreachable' : 'server-error' };
  if (covers(weather.refusing, time.now())) return { mishap: 'rate-limited' };
  if (random.chance(weather.lossShare)) return { mishap: 'request-lost' };
  const answer = await act();
  await onDone(process);
  await process.mayDie();
  await process.sleep(random.between(20, 200));
  return random.chance(weather.lossShare) ? { mishap: 'answer-lost' } : { answer };
}

type Handle = (request: SimRequest) => Promise<SimAnswer>;

/** What a client of HTTPS is given in place of the network. */
export function createTransport(
  passage: Passage,
  handle: Handle,
): (request: HttpsRequest) => Promise<HttpsAnswer> {
  const { time, random, weather } = passage;
  return async (request) => {
    const isRefused = takesSnapshot(request) && covers(weather.noSnapshots, time.now());
    const outcome = await carry(passage, async () =>
      isRefused ? { status: 503, body: '' } : await handle(toSimRequest(request)),
    );
    if ('answer' in outcome) return toAnswer(outcome.answer, time.now());
    if (outcome.mishap === 'server-error') return toAnswer({ status: 503, body: '' }, time.now());
    if (outcome.mishap === 'rate-limited') {
      const headers = { 'retry-after': String(random.integer(1, 60)) };
      return toAnswer({ status: 429, headers, body: '' }, time.now());
    }
    if (outcome.mishap === 'unreachable') throw new TransportError('unreachable', false, 'no way there');
    throw new TransportError('broken', true, 'the connection broke');
  };
}

/** As each of the clouds is asked for one. */
function takesSnapshot({ url, method, body = '' }: HttpsRequest): boolean {
  if (method !== 'POST') return false;
  const isAction = url.pathname.endsWith('/actions') && body.includes('"type":"snapshot"');
  return isAction || url.pathname.endsWith('/create_image') || /^Action=CreateImage&/.test(body);
}

function toSimRequest({ method, url, headers, body = '' }: HttpsRequest): SimRequest {
  const plain = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    method,
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers: { host: url.host, ...Object.fromEntries(plain) },
    body,
  };
}

function toAnswer({ status, headers, body }: SimAnswer, nowMs: number): HttpsAnswer {
  const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
  return { status, headers: { date: new Date(nowMs).toUTCString(), ...headers }, body: text };
}
