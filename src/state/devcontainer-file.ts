/** Reads devcontainer.json: JSON with comments. What it says to the reference command line stays that one's business. */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { getNodeValue, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { type ContainerPort, type DevcontainerFile, devcontainerFileNames } from '../domain/devcontainer.ts';
import { SpuffError } from '../domain/errors.ts';
import { readProjectText } from './read-project-text.ts';

/** Relative to `root`, in the order in which they are looked for. */
export function listDevcontainerFiles(root: string): string[] {
  const usual = devcontainerFileNames.filter((name) => existsSync(join(root, name)));
  if (usual.length > 0) return usual;
  const folder = join(root, '.devcontainer');
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => `.devcontainer/${name}/devcontainer.json`)
    .filter((path) => existsSync(join(root, path)));
}

/**
 * The one of a project.
 * @throws SpuffError `config` where there is none, or several of which none is the usual one, and for one that is wrong
 */
export function readDevcontainer(root: string): DevcontainerFile {
  const [path, another] = listDevcontainerFiles(root);
  if (path === undefined) {
    throw new SpuffError('config', `${root} has no devcontainer.json`, {
      hints: ['put one at .devcontainer/devcontainer.json, or take devcontainer: true out of spuff.yaml'],
    });
  }
  if (another !== undefined && !(devcontainerFileNames as readonly string[]).includes(path)) {
    throw new SpuffError('config', `${root} has several: ${path}, ${another}`, {
      hints: [
        'put the one that is to count at .devcontainer/devcontainer.json',
        'or have none count: devcontainer: false in spuff.yaml',
      ],
    });
  }
  const full = join(root, path);
  return { path, ...parseDevcontainer(readProjectText(full), full), hash: hashAround(root, path) };
}

/**
 * What the text of one says.
 * @throws SpuffError `config` naming line and column
 */
export function parseDevcontainer(text: string, path: string): Omit<DevcontainerFile, 'path' | 'hash'> {
  const said = parseObject(text, path);
  const publishedPorts = readPublishedPorts(said);
  return {
    usesCompose: said['dockerComposeFile'] !== undefined,
    // The machine has each of them once.
    ports: readForwardedPorts(said, path).filter(({ port }) => !publishedPorts.includes(port)),
    publishedPorts,
  };
}

function parseObject(text: string, path: string): Record<string, unknown> {
  const errors: ParseError[] = [];
  const tree = parseTree(text.replace(/^\uFEFF/, ''), errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error !== undefined) {
    const lines = text.slice(0, error.offset).split('\n');
    const where = `${path}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
    throw new SpuffError('config', `${where}: this is no JSON: ${printParseErrorCode(error.error)}`);
  }
  const value: unknown = tree && getNodeValue(tree);
  if (isObject(value)) return value;
  throw new SpuffError('config', `${path}: this is no object`, {
    hints: ['see https://containers.dev/implementors/json_reference/'],
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `forwardPorts`, and those that `portsAttributes` speaks of and does not want to be left alone. */
function readForwardedPorts(said: Record<string, unknown>, path: string): ContainerPort[] {
  const { forwardPorts = [], portsAttributes = {} } = said;
  const entries = [forwardPorts].flat();
  const attributes = isObject(portsAttributes) ? Object.entries(portsAttributes) : [];
  const described = attributes
    .filter(([, value]) => isObject(value) && value['onAutoForward'] !== 'ignore')
    // A range or a pattern names no port that is there.
    .flatMap(([key]) => readPort(key) ?? []);
  const ports = entries.map((entry) => {
    const port = readPort(entry);
    if (port !== null) return port;
    throw new SpuffError('config', `${path}: forwardPorts: ${JSON.stringify(entry)} is no port`, {
      hints: ['write a number, or "service:port"'],
    });
  });
  const distinct = new Map<number, ContainerPort>();
  for (const port of [...ports, ...described]) if (!distinct.has(port.port)) distinct.set(port.port, port);
  return [...distinct.values()];
}

function readPort(entry: unknown): ContainerPort | null {
  const parts = /^(?:([A-Za-z0-9][A-Za-z0-9_.-]{0,62}):)?(\d{1,5})$/.exec(String(entry));
  const port = Number(parts?.[2]);
  if (!parts || port < 1 || port > 65_535) return null;
  const host = parts[1] ?? null;
  return { port, service: host === 'localhost' || host === '127.0.0.1' ? null : host };
}

/** `appPort`: as docker's -p. */
function readPublishedPorts({ appPort = [] }: Record<string, unknown>): number[] {
  return [appPort].flat().flatMap((entry) => {
    const port = Number(/^(?:\d+(?:\.\d+){3}:)?(\d{1,5})(?::\d{1,5})?$/.exec(String(entry))?.[1]);
    return port >= 1 && port <= 65_535 ? [port] : [];
  });
}

const mostFiles = 500;
const mostBytes = 1024 * 1024;

/**
 * Of what a container is built from this knows what is beside the file; a Dockerfile elsewhere is built by --again. Links count as
 * links: what they lead to may be anywhere on this computer, and they may lead in circles.
 */
function hashAround(root: string, path: string): string {
  const folder = dirname(path);
  const names = folder === '.' ? [basename(path)] : listFiles(join(root, folder), '', []).sort();
  const hash = createHash('sha256');
  for (const name of names) {
    const full = join(root, folder, name);
    const stat = lstatSync(full, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) hash.update(JSON.stringify([name, readlinkSync(full)]));
    if (!stat?.isFile() || stat.size > mostBytes) continue;
    hash.update(JSON.stringify([name, stat.size])).update(readFileSync(full));
  }
  return hash.digest('hex');
}

function listFiles(folder: string, below: string, found: string[]): string[] {
  const entries = readdirSync(join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (found.length >= mostFiles) break;
    const name = `${below}${entry.name}`;
    if (entry.isDirectory()) listFiles(folder, `${name}/`, found);
    else found.push(name);
  }
  return found;
}
