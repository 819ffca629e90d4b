/** A YAML file of the user's: what is wrong in it and where, and how it is written again. */
import type { Document, LineCounter, Node, YAMLMap } from 'yaml';
import { SpuffError } from '../domain/errors.ts';
import { escapeText } from '../lib/escape.ts';

export type Yaml = typeof import('yaml');

export interface Problem {
  /** Offset into the text. */
  offset: number;
  message: string;
  hint?: string;
}

/** A file that is YAML. */
export interface ParsedYaml {
  document: Document;
  /** `config.yaml:4:9` */
  where(offset: number): string;
  /** Names every line that is wrong, ten at most. */
  toError(problems: readonly Problem[]): SpuffError;
}

/**
 * Takes a file apart.
 * @param remedy the hint that every error ends with
 * @throws SpuffError `config` when it is not YAML
 */
export function parseYaml(yaml: Yaml, text: string, path: string, remedy: string): ParsedYaml {
  const lines = new yaml.LineCounter();
  // Pretty errors quote the line, which nobody has looked at yet.
  const document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true });
  const parsed: ParsedYaml = {
    document,
    where: (offset) => place(path, lines, offset),
    toError: (problems) => makeError(parsed, problems, remedy),
  };
  const broken = document.errors.map(({ message, pos }) => ({
    offset: pos[0],
    message: escapeText(message),
  }));
  if (broken.length > 0) throw parsed.toError(broken);
  return parsed;
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

function place(path: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${path}:${line}:${col}`;
}
