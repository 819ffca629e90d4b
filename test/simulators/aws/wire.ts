/** The forms that the Query API speaks in: numbered parameters one way, XML the other. */

export type Params = { [name: string]: Params | string | undefined };

/** `Filter.1.Name=x` becomes `{ Filter: { 1: { Name: 'x' } } }`. */
export function readForm(body: string): Params {
  const root = emptyParams();
  for (const [path, value] of new URLSearchParams(body)) {
    const names = path.split('.');
    const last = names.pop() ?? '';
    let at = root;
    for (const name of names) {
      const next = at[name] ?? emptyParams();
      if (typeof next === 'string') throw new TypeError(`${path} is below a value`);
      at[name] = next;
      at = next;
    }
    at[last] = value;
  }
  return root;
}

function emptyParams(): Params {
  return Object.create(null) as Params;
}

export function textIn(params: Params, ...path: string[]): string | undefined {
  let at: Params | string | undefined = params;
  for (const name of path) at = typeof at === 'object' ? at[name] : undefined;
  return typeof at === 'string' ? at : undefined;
}

/** The members of a numbered list, in order. */
export function listIn(params: Params, name: string): (Params | string)[] {
  const list = params[name];
  if (typeof list !== 'object') return [];
  return Object.keys(list)
    .sort((a, b) => Number(a) - Number(b))
    .map((at) => list[at] ?? '');
}

export function textsIn(params: Params, name: string): string[] {
  return listIn(params, name).filter((one) => typeof one === 'string');
}

export function nodesIn(params: Params, name: string): Params[] {
  return listIn(params, name).filter((one) => typeof one === 'object');
}

export type Xml =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly Xml[]
  | { readonly [name: string]: Xml };

/** Lists become `<item>`s; what is null or undefined is left out. */
export function writeXml(name: string, value: Xml, attributes = ''): string {
  if (value === null || value === undefined) return '';
  const open = `<${name}${attributes}>`;
  if (Array.isArray(value)) return `${open}${value.map((one) => writeXml('item', one)).join('')}</${name}>`;
  if (typeof value === 'object') {
    const parts = Object.entries(value as Record<string, Xml>).map(([part, inner]) => writeXml(part, inner));
    return `${open}${parts.join('')}</${name}>`;
  }
  return `${open}${escapeXml(`${value as string | number | boolean}`)}</${name}>`;
}

function escapeXml(text: string): string {
  const names: Record<string, string> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };
  return text.replace(/[<>&"]/g, (char) => names[char] ?? char);
}

/** Whether a text matches any of a filter's values, which may hold `*` and `?`. */
export function matchesAny(values: readonly string[], text: string | undefined): boolean {
  if (text === undefined) return false;
  return values.some((value) => {
    const pattern = value
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${pattern}$`, 's').test(text);
  });
}
