/** A YAML file of the user's: what is wrong in it and where, and how it is written again. */
import type { Document, LineCounter, Node, YAMLMap } from 'yaml';
import { SpuffError } from '../domain/errors.ts';
import { findClosestName } from '../lib/closest-name.ts';
import { escapeText } from '../lib/escape.ts';
import { findToken } from '../lib/token-shapes.ts';

export type Yaml = typeof import('yaml');

export interface Problem {
  /** Offset into the text. */
  offset: number;
  message: string;
  hint?: string;
  /** Which part of the file it is about, where parts have readers of their own. */
  part?: string;
}

/** A file that is YAML. */
export interface ParsedYaml {
  document: Document;
  /** What makes it no YAML. */
  broken: readonly Problem[];
  /** `config.yaml:4:9` */
  where(offset: number): string;
  /** Both from 1. */
  place(offset: number): { line: number; column: number };
  /** Names every line that is wrong, ten at most. */
  toError(problems: readonly Problem[]): SpuffError;
}

/**
 * Takes a file apart.
 * @param remedy the hint that every error ends with
 * @throws SpuffError `config` when it is not YAML
 */
export function parseYaml(yaml: Yaml, text: string, path: string, remedy: string): ParsedYaml {
  const parsed = readYaml(yaml, text, path, remedy);
  if (parsed.broken.length > 0) throw parsed.toError(parsed.broken);
  return parsed;
}

/** Takes a file apart, as far as it is YAML. @throws SpuffError `config` when its parts are nested too deeply to be read */
export function readYaml(yaml: Yaml, text: string, path: string, remedy: string): ParsedYaml {
  const lines = new yaml.LineCounter();
  const { document, twins } = parseDeep(yaml, text, path, lines);
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const parsed: ParsedYaml = {
    document,
    broken: [
      ...document.errors.map(({ message, pos }) => ({ offset: pos[0], message: escapeText(message) })),
      ...twins,
    ],
    where: (offset) => `${path}:${place(offset).line}:${place(offset).column}`,
    place,
    toError: (problems) => makeError(parsed, problems, remedy),
  };
  return parsed;
}

function parseDeep(yaml: Yaml, text: string, path: string, lineCounter: LineCounter) {
  try {
    // Pretty errors quote the line, which nobody has looked at yet. The library compares each key with all others, which
    // takes it minutes where somebody has many.
    const options = { lineCounter, prettyErrors: false, strict: true, uniqueKeys: false };
    const document: Document = yaml.parseDocument(text, options);
    return { document, twins: findTwins(yaml, document) };
  } catch (error) {
    // The stack of the parser is as deep as what it reads.
    if (error instanceof RangeError)
      throw new SpuffError('config', `${path}: its lists and maps are nested too deeply`, { cause: error });
    throw error;
  }
}

/** Keys that stand twice in one map (YAML 1.2.2, 3.2.1.1). */
function findTwins(yaml: Yaml, document: Document): Problem[] {
  const twins: Problem[] = [];
  yaml.visit(document, {
    Map: (_key, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const value: unknown = yaml.isScalar(key) ? key.value : key;
        if (value !== null && seen.has(value))
          twins.push({ offset: offsetOf(key), message: 'Map keys must be unique' });
        seen.add(value);
      }
    },
  });
  return twins;
}

/** The text of a value, for a message: in quotes and cut; null is what has no text. */
export function showValue(text: string | null): string {
  if (text === null) return 'this';
  if (findToken(text)) return 'this';
  return JSON.stringify(escapeText(text.length > 80 ? `${text.slice(0, 80)}…` : text, { singleLine: true }));
}

/** What a scalar says, as it was written: 1.10 is not 1.1. null for nothing, and for what is no scalar. */
export function textOf(yaml: Yaml, node: unknown): string | null {
  if (!yaml.isScalar(node) || node.value === null) return null;
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

/** The hint that names what was meant; null: nothing is near. */
export function nearest(name: string | null, names: readonly string[]): string | null {
  const meant = name === null ? null : findClosestName(name, names);
  return meant === null ? null : `did you mean ${meant}?`;
}

export function offsetOf(node: unknown): number {
  return (node as Partial<Node> | null)?.range?.[0] ?? 0;
}

/** The text of a document whose content is a map, with its comments. */
export function renderMap(document: Document & { contents: YAMLMap }): string {
  if (document.contents.items.length > 0) return document.toString({ lineWidth: 0 });
  // An empty map would be written as {}: keep only what was said about it.
  const comments = [
    document.commentBefore,
    document.contents.commentBefore,
    document.contents.comment,
    document.comment,
  ];
  const lines = comments.flatMap((comment) => (comment ? comment.split('\n') : []));
  return lines.map((line) => (line === '' ? '\n' : `#${line}\n`)).join('');
}

function makeError({ where }: ParsedYaml, problems: readonly Problem[], remedy: string): SpuffError {
  const shown = [...problems].sort((a, b) => a.offset - b.offset).slice(0, 10);
  const message = shown.map((problem) => `${where(problem.offset)}: ${problem.message}`).join('\n');
  const hints = shown.flatMap(({ hint }) => (hint === undefined ? [] : [hint]));
  return new SpuffError('config', message, { hints: [...new Set(hints), remedy] });
}
