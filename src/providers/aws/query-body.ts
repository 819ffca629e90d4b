/** What a request of the EC2 Query API says; lists are numbered from 1 as they are written. */
export type QueryValue =
  | string
  | number
  | boolean
  | undefined
  | readonly QueryValue[]
  | { readonly [name: string]: QueryValue };

export type QueryParams = { readonly [name: string]: QueryValue };

/**
 * The parameters of a Query API request: `{ Filter: [{ Name: 'x' }] }` becomes `Filter.1.Name=x`.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
 */
export function encodeQuery(action: string, version: string, params: QueryParams): string {
  const body = new URLSearchParams({ Action: action, Version: version });
  append(body, '', params);
  return body.toString();
}

function append(body: URLSearchParams, path: string, value: QueryValue): void {
  if (value === undefined) return;
  if (typeof value !== 'object')
    return void body.append(path, typeof value === 'string' ? value : JSON.stringify(value));
  const parts = Array.isArray(value)
    ? value.map((one, at) => [String(at + 1), one] as const)
    : Object.entries(value as QueryParams);
  for (const [name, part] of parts) append(body, path === '' ? name : `${path}.${name}`, part);
}

/** A filter of a Describe call. */
export function filterBy(name: string, ...values: readonly string[]): QueryValue {
  return { Name: name, Value: values };
}
