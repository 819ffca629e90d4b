/** How the simulated API answers: errors, pages, label selectors, actions. */
import type { SimAnswer, SimRequest } from '../sim-server.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Action {
  id: number;
  command: string;
  resources: { id: number; type: string }[];
  startedMs: number;
  /** When it is done. */
  endMs: number;
  /** Then it has failed. */
  error: { code: string; message: string } | null;
}

/** Thrown where the cloud refuses; becomes an error answer. */
export class Refusal extends Error {
  readonly answer: SimAnswer;

  constructor(status: number, code: string, message: string, details: unknown = null) {
    super(message);
    this.answer = { status, body: { error: { code, message, details } } };
  }
}

export function invalidInput(field: string, why = ''): Refusal {
  const details = { fields: [{ name: field, messages: [why === '' ? 'is invalid' : why] }] };
  return new Refusal(422, 'invalid_input', `invalid input in field '${field}'`, details);
}

export function notFound(what: string): Refusal {
  return new Refusal(404, 'not_found', `${what} not found`);
}

export function isoTime(ms: number): string {
  return new Date(Math.floor(ms / 1_000) * 1_000).toISOString().replace('.000Z', '+00:00');
}

export function statusOf(action: Action, nowMs: number): 'running' | 'success' | 'error' {
  if (nowMs < action.endMs) return 'running';
  return action.error ? 'error' : 'success';
}

export function showAction(action: Action, nowMs: number): unknown {
  const status = statusOf(action, nowMs);
  return {
    id: action.id,
    command: action.command,
    status,
    progress: status === 'running' ? 50 : 100,
    started: isoTime(action.startedMs),
    finished: status === 'running' ? null : isoTime(action.endMs),
    resources: action.resources,
    error: status === 'error' ? action.error : null,
  };
}

/** One page of a list, with the numbers of the pages around it. */
export function page<T>(
  request: SimRequest,
  member: string,
  all: readonly T[],
  show: (item: T) => unknown,
): SimAnswer {
  const pageNumber = Number(request.query.get('page') ?? 1);
  const perPage = Number(request.query.get('per_page') ?? 25);
  if (!Number.isInteger(pageNumber) || pageNumber < 1) throw invalidInput('page');
  if (!Number.isInteger(perPage) || perPage < 1 || perPage > 50) throw invalidInput('per_page');
  const last = Math.max(1, Math.ceil(all.length / perPage));
  const items = all.slice((pageNumber - 1) * perPage, pageNumber * perPage);
  const pagination = {
    page: pageNumber,
    per_page: perPage,
    previous_page: pageNumber > 1 ? pageNumber - 1 : null,
    next_page: pageNumber < last ? pageNumber + 1 : null,
    last_page: last,
    total_entries: all.length,
  };
  return { status: 200, body: { [member]: items.map(show), meta: { pagination } } };
}

/** The filters that the lists have in common: exact name, label selector, order of ids. */
export function pick<T extends { id: number; name: string | null; labels: Labels }>(
  request: SimRequest,
  all: Iterable<T>,
): T[] {
  const name = request.query.get('name');
  const selector = request.query.get('label_selector');
  const descending = request.query.get('sort') === 'id:desc';
  const picked = [...all]
    .filter((item) => name === null || item.name === name)
    .filter((item) => selector === null || matches(selector, item.labels));
  return picked.sort((a, b) => (descending ? b.id - a.id : a.id - b.id));
}

/** `k`, `!k`, `k=v`, `k==v`, `k!=v`, joined by commas. */
export function matches(selector: string, labels: Labels): boolean {
  return selector.split(',').every((term) => {
    const [, not, name = '', sign, value] = /^(!?)([\w./-]+)(?:(==?|!=)([\w.-]*))?$/.exec(term.trim()) ?? [];
    if (name === '') throw invalidInput('label_selector');
    const has = Object.hasOwn(labels, name);
    if (sign === undefined) return has !== (not === '!');
    return sign === '!=' ? labels[name] !== value : has && labels[name] === value;
  });
}

export function readLabels(value: unknown): Labels {
  if (value === undefined || value === null) return {};
  for (const [name, text] of Object.entries(value as Labels)) {
    const good = /^(?:[a-z0-9.-]{1,253}\/)?[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/.test(name);
    if (!good || !/^(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?$/.test(text)) throw invalidInput('labels');
  }
  return value as Labels;
}

export function readBody(request: SimRequest): Record<string, unknown> {
  if (request.body === '') return {};
  try {
    return JSON.parse(request.body) as Record<string, unknown>;
  } catch {
    throw new Refusal(400, 'json_error', 'failed to decode JSON');
  }
}

export function readName(body: Record<string, unknown>): string {
  const name = body['name'];
  if (typeof name !== 'string' || name === '' || name.length > 128) throw invalidInput('name');
  return name;
}
