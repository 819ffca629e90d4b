import type { XMLParser } from 'fast-xml-parser';
import { ProviderError } from '../../domain/provider-error.ts';
import { showRemote } from '../../lib/api-client.ts';
import type { HttpsAnswer } from '../../lib/https.ts';

/** An element: what stands in it by name; text is a string, a list is under `item` or `member`. */
export type XmlNode = Readonly<Record<string, unknown>>;

export type ParseXml = (answer: HttpsAnswer, op: string) => XmlNode;

/** Reads the parser only when something is to be parsed. */
export async function loadXmlParser(): Promise<ParseXml> {
  const { XMLParser } = await import('fast-xml-parser');
  const parser = new XMLParser({
    ignoreAttributes: true,
    ignoreDeclaration: true,
    // Ids and versions are text, also where they look like numbers.
    parseTagValue: false,
    trimValues: false,
    htmlEntities: true,
    isArray: (name) => name === 'item' || name === 'member',
  });
  return (answer, op) => parse(parser, answer, op);
}

/** @throws ProviderError `protocol` for anything but one whole XML document without definitions of its own */
function parse(parser: XMLParser, answer: HttpsAnswer, op: string): XmlNode {
  let cause: unknown;
  try {
    // AWS defines no entities; whoever does is not AWS.
    if (/^\s*</.test(answer.body) && !answer.body.includes('<!DOCTYPE')) {
      const root: unknown = parser.parse(answer.body, true);
      if (isNode(root)) return root;
    }
  } catch (error) {
    cause = error;
  }
  const start = JSON.stringify(showRemote(answer.body.slice(0, 60)));
  const what = answer.body === '' ? 'an empty answer' : `an answer that begins with ${start}`;
  throw new ProviderError('protocol', `AWS gave ${what} instead of XML (HTTP ${answer.status})`, {
    ...{ provider: 'aws', op, status: answer.status, retryable: true, cause },
    hints: ['a proxy may have answered in its place: try again, or another network'],
  });
}

function isNode(value: unknown): value is XmlNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The element at the end of a path; an empty one where there is none. */
export function nodeAt(node: XmlNode, ...path: readonly string[]): XmlNode {
  let at: unknown = node;
  for (const name of path) at = isNode(at) ? at[name] : undefined;
  return isNode(at) ? at : {};
}

/** The elements of a list; none where the list is missing or empty. */
export function itemsOf(node: XmlNode, name: string): XmlNode[] {
  const items = nodeAt(node, name)['item'];
  return Array.isArray(items) ? items.filter(isNode) : [];
}

/** The texts of a list of texts. */
export function textItems(node: XmlNode, name: string): string[] {
  const items = nodeAt(node, name)['item'];
  return Array.isArray(items) ? items.filter((item) => typeof item === 'string') : [];
}

/** null where the element is missing, empty, or no text. */
export function textOf(node: XmlNode, name: string): string | null {
  const value = node[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** @throws ProviderError `protocol` that names what is missing */
export function requireText(node: XmlNode, name: string, op: string): string {
  const text = textOf(node, name);
  if (text !== null) return text;
  throw missingPart(name, op);
}

/** A moment as AWS writes it. @throws ProviderError `protocol` */
export function requireDate(node: XmlNode, name: string, op: string): Date {
  const date = new Date(requireText(node, name, op));
  if (Number.isNaN(date.getTime())) throw missingPart(name, op);
  return date;
}

export function missingPart(name: string, op: string): ProviderError {
  return new ProviderError('protocol', `the answer of AWS lacks ${name}, or it is not what it should be`, {
    ...{ provider: 'aws', op, retryable: false, field: name },
    hints: ['this version of spuff may be too old for the API: look for a newer one'],
  });
}
