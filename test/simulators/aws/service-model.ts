/**
 * Holds requests and answers of the Query API to AWS's own description of it, which the AWS CLI brings along: every name of
 * a parameter and of an element must be in it, and every word of a closed list.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Params } from './wire.ts';

interface Shape {
  type: string;
  members?: Record<string, { shape: string; locationName?: string; queryName?: string }>;
  member?: { shape: string; locationName?: string };
  required?: string[];
}

interface Model {
  operations: Record<string, { input?: { shape: string }; output?: { shape: string } }>;
  shapes: Record<string, Shape>;
}

/** Where the descriptions of all services are. */
export const places = ['/usr/lib/python3/dist-packages/awscli', '/usr/lib/python3/dist-packages'].map(
  (folder) => `${folder}/botocore/data`,
);

/** null where the AWS CLI of Debian is not installed. */
export function loadServiceModel(): ServiceModel | null {
  const files = places.map((place) => `${place}/ec2/2016-11-15/service-2.json`);
  const path = files.find((one) => existsSync(one));
  return path === undefined ? null : new ServiceModel(JSON.parse(readFileSync(path, 'utf8')) as Model);
}

/** Newer than the description that Debian 12 brings (2023). */
const newer = [
  'DeregisterImage: no parameter DeleteAssociatedSnapshots',
  'DeregisterImage: no element deleteSnapshotResultSet',
];

export class ServiceModel {
  readonly #model: Model;

  constructor(model: Model) {
    this.#model = model;
  }

  /** What of a request is not in the description, a line each. */
  requestFaults(action: string, params: Params): string[] {
    const operation = this.#model.operations[action];
    if (!operation) return [`${action}: there is no such action`];
    const { Action: _action, Version: _version, ...rest } = params;
    return this.#inputFaults(operation.input?.shape, rest, action).filter((fault) => !newer.includes(fault));
  }

  /** As `requestFaults`, of the elements of an answer. */
  answerFaults(action: string, body: unknown): string[] {
    const operation = this.#model.operations[action];
    const { requestId: _id, ...rest } = body as Record<string, unknown>;
    return this.#outputFaults(operation?.output?.shape, rest, action).filter(
      (fault) => !newer.includes(fault),
    );
  }

  #inputFaults(name: string | undefined, value: Params | string, at: string): string[] {
    const shape = name === undefined ? undefined : this.#model.shapes[name];
    if (!shape) return typeof value === 'object' && Object.keys(value).length === 0 ? [] : [`${at}: unknown`];
    if (shape.type === 'list') {
      if (typeof value === 'string') return [`${at}: a list is expected`];
      return Object.entries(value).flatMap(([index, one]) =>
        this.#inputFaults(shape.member?.shape, one ?? '', `${at}.${index}`),
      );
    }
    if (shape.type !== 'structure') return typeof value === 'string' ? [] : [`${at}: a value is expected`];
    if (typeof value === 'string') return [`${at}: parts are expected`];
    // A name in a query begins with a capital letter, whatever it is in the answers.
    const known = new Map(
      Object.entries(shape.members ?? {}).map(([member, { shape: inner, locationName, queryName }]) => {
        const query = queryName ?? locationName ?? member;
        return [query.charAt(0).toUpperCase() + query.slice(1), inner];
      }),
    );
    const missing = (shape.required ?? []).filter((member) => {
      const { locationName, queryName } = shape.members?.[member] ?? {};
      const query = queryName ?? locationName ?? member;
      return value[query.charAt(0).toUpperCase() + query.slice(1)] === undefined;
    });
    return [
      ...missing.map((member) => `${at}: ${member} is required`),
      ...Object.entries(value).flatMap(([member, one]) =>
        known.has(member)
          ? this.#inputFaults(known.get(member), one ?? '', `${at}.${member}`)
          : [`${at}: no parameter ${member}`],
      ),
    ];
  }

  #outputFaults(name: string | undefined, value: unknown, at: string): string[] {
    if (value === null || value === undefined) return [];
    const shape = name === undefined ? undefined : this.#model.shapes[name];
    // Many actions answer with `return` alone, which the description leaves out.
    if (!shape)
      return Object.keys(value)
        .filter((one) => one !== 'return')
        .map((one) => `${at}: no element ${one}`);
    if (shape.type === 'list') {
      if (!Array.isArray(value)) return [`${at}: a list is expected`];
      return value.flatMap((one) => this.#outputFaults(shape.member?.shape, one, `${at}[]`));
    }
    if (shape.type !== 'structure') return typeof value === 'object' ? [`${at}: a value is expected`] : [];
    if (typeof value !== 'object' || Array.isArray(value)) return [`${at}: parts are expected`];
    const known = new Map(
      Object.entries(shape.members ?? {}).map(([member, { shape: inner, locationName }]) => [
        locationName ?? member,
        inner,
      ]),
    );
    return Object.entries(value).flatMap(([member, one]) => {
      if (known.has(member)) return this.#outputFaults(known.get(member), one, `${at}.${member}`);
      return member === 'return' ? [] : [`${at}: no element ${member}`];
    });
  }
}
