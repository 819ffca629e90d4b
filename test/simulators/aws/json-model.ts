/** Holds requests and answers of the services that speak JSON to AWS's own descriptions of them, as `service-model.ts` does. */
import { existsSync, readFileSync } from 'node:fs';
import { places } from './service-model.ts';

interface Shape {
  type: string;
  enum?: string[];
  members?: Record<string, { shape: string }>;
  member?: { shape: string };
  required?: string[];
}

interface Model {
  operations: Record<string, { input?: { shape: string }; output?: { shape: string } }>;
  shapes: Record<string, Shape>;
}

const files: Readonly<Record<string, string>> = {
  pricing: 'pricing/2017-10-15',
  servicequotas: 'service-quotas/2019-06-24',
  ssm: 'ssm/2014-11-06',
};
const loaded = new Map<string, Model | null>();

function loadModel(service: string): Model | null {
  const known = loaded.get(service);
  if (known !== undefined) return known;
  const path = places.map((one) => `${one}/${files[service]}/service-2.json`).find((one) => existsSync(one));
  const model = path === undefined ? null : (JSON.parse(readFileSync(path, 'utf8')) as Model);
  loaded.set(service, model);
  return model;
}

/** What of a request or an answer is not in the description, a line each; nothing where there is no description. */
export function jsonFaults(
  service: string,
  action: string,
  side: 'input' | 'output',
  value: unknown,
): string[] {
  const model = loadModel(service);
  if (!model) return [];
  const operation = model.operations[action];
  if (!operation) return [`${service}: there is no action ${action}`];
  return faultsOf(model, operation[side]?.shape ?? '', value, action);
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'string',
  boolean: 'boolean',
  integer: 'number',
  long: 'number',
  double: 'number',
};

function faultsOf({ shapes, operations }: Model, name: string, value: unknown, at: string): string[] {
  const shape = shapes[name];
  if (!shape) return [`${at}: unknown`];
  const inner = (one: string, of: unknown, where: string) => faultsOf({ shapes, operations }, one, of, where);
  if (shape.type === 'list') {
    if (!Array.isArray(value)) return [`${at}: a list is expected`];
    return value.flatMap((one) => inner(shape.member?.shape ?? '', one, `${at}[]`));
  }
  if (shape.type === 'structure') {
    if (typeof value !== 'object' || value === null) return [`${at}: parts are expected`];
    const given = value as Record<string, unknown>;
    const members = shape.members ?? {};
    return [
      ...(shape.required ?? []).filter((one) => given[one] === undefined).map((one) => `${at}: lacks ${one}`),
      ...Object.entries(given).flatMap(([one, part]) => {
        const known = Object.hasOwn(members, one) ? members[one] : undefined;
        return known ? inner(known.shape, part, `${at}.${one}`) : [`${at}: no ${one}`];
      }),
    ];
  }
  const expected = typeNames[shape.type];
  if (expected !== undefined && typeof value !== expected) return [`${at}: ${expected} is expected`];
  return shape.enum && !shape.enum.includes(String(value))
    ? [`${at}: ${String(value)} is no value of it`]
    : [];
}
