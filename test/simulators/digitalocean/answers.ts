import type { SimAnswer, SimRequest } from '../sim-server.ts';

/** What the API refuses with, thrown where it is found out. */
export class Refusal extends Error {
  readonly answer: SimAnswer;

  constructor(status: number, id: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.answer = {
      status,
      headers,
      body: { id, message, request_id: '4d9d8375-3c56-4925-a3e7-eb137fed17e9' },
    };
  }
}

export function unprocessable(message: string): Refusal {
  return new Refusal(422, 'unprocessable_entity', message);
}

export function notFound(): Refusal {
  return new Refusal(404, 'not_found', 'The resource you requested could not be found.');
}

const address = 'https://api.digitalocean.com';

/** One page of a list: 20 items unless told, 200 at the most; no links where there is one page only. */
export function pageOf(request: SimRequest, name: string, items: readonly unknown[]): SimAnswer {
  const perPage = Math.min(200, Number(request.query.get('per_page') ?? 20));
  const page = Number(request.query.get('page') ?? 1);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const link = (number: number) => {
    const query = new URLSearchParams(request.query);
    query.set('page', String(number));
    return `${address}${request.path}?${query}`;
  };
  const pages = {
    ...(page > 1 && { first: link(1), prev: link(page - 1) }),
    ...(page < last && { next: link(page + 1), last: link(last) }),
  };
  return {
    status: 200,
    body: {
      [name]: items.slice((page - 1) * perPage, page * perPage),
      ...(last > 1 && { links: { pages } }),
      meta: { total: items.length },
    },
  };
}

export function bodyOf(request: SimRequest): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(request.body);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new Refusal(400, 'bad_request', 'error parsing request body');
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

export function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[.]\d+Z$/, 'Z');
}

/** @throws Refusal 404 */
export function existing<T>(thing: T | undefined): T {
  if (thing === undefined) throw notFound();
  return thing;
}
