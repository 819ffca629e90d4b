/** What a project's file says in YAML, and everything that is wrong with it. Whoever has none never loads this. */
import type { GuardFile } from '../domain/guard-policy.ts';
import {
  defaultProjectName,
  type EnvValue,
  emptyProject,
  type FileProblem,
  type Place,
  type ProjectFile,
} from '../domain/project.ts';
import { findToken, isSecretName, looksRandom } from '../lib/token-shapes.ts';
import { guardPart } from './guard-rule.ts';
import { projectRule, type ReadProject, secretsRule } from './project-rules.ts';
import { offsetOf, type ParsedYaml, type Problem, readYaml, type Yaml } from './yaml-document.ts';
import type { Reading, Rule } from './yaml-rules.ts';

export interface ParsedProject {
  /** What it says as far as it is right: of use only where `problems` is empty. */
  project: ProjectFile;
  guard: GuardFile | null;
  /** In the order of the file. */
  problems: readonly Problem[];
  parsed: ParsedYaml;
}

/** @throws SpuffError `config` only for what is nested too deeply to be read */
export function parseProject(yaml: Yaml, written: string, path: string): ParsedProject {
  // What editors on Windows put in front is no problem of the file's.
  const text = written.replace(/^\ufeff/, '');
  const parsed = readYaml(yaml, text, path, `mend it in an editor: ${path}`);
  const { said, reading } = readAs(yaml, parsed, projectRule, 'settings of a project');
  const range = guardRange(yaml, parsed);
  const problems = [...reading.problems, ...findSecrets(yaml, text, parsed, range)];
  const places = new Map<string, Place>([...reading.offsets].map(([key, at]) => [key, parsed.place(at)]));
  return {
    project: toProject(said ?? {}, path, places),
    guard: said?.guard ?? null,
    problems: problems.sort((a, b) => a.offset - b.offset),
    parsed,
  };
}

export interface ParsedSecrets {
  env: Readonly<Record<string, EnvValue>>;
  places: ReadonlyMap<string, Place>;
  problems: readonly Problem[];
  parsed: ParsedYaml;
}

/** The file of secrets, which may hold any. @throws SpuffError `config` only for what is nested too deeply to be read */
export function parseSecrets(yaml: Yaml, written: string, path: string): ParsedSecrets {
  const parsed = readYaml(yaml, written.replace(/^\ufeff/, ''), path, `mend it in an editor: ${path}`);
  const { said, reading } = readAs(yaml, parsed, secretsRule, 'env');
  const places = new Map<string, Place>([...reading.offsets].map(([key, at]) => [key, parsed.place(at)]));
  return { env: said?.env ?? {}, places, problems: reading.problems, parsed };
}

/** The problems as they are told to programs. */
export function toFileProblems(
  path: string,
  parsed: ParsedYaml,
  problems: readonly Problem[],
): FileProblem[] {
  return problems.map(({ offset, message, hint }) => ({
    path,
    ...parsed.place(offset),
    message,
    hint: hint ?? null,
  }));
}

function readAs<T>(
  yaml: Yaml,
  { document, broken }: ParsedYaml,
  rule: Rule<T>,
  what: string,
): { said: T | null; reading: Reading } {
  const warnings = document.warnings.map(({ pos }) => ({
    offset: pos[0],
    message: 'a tag (!…) is not taken here',
  }));
  const reading: Reading = { yaml, problems: [...warnings], offsets: new Map() };
  const { contents } = document;
  // Where it is no YAML, what is left of it says nothing for sure, and the guard may be in what is not.
  if (broken.length > 0) {
    const shown = broken.map((problem) => ({
      ...problem,
      message: hideTokens(problem.message),
      part: guardPart,
    }));
    return { said: null, reading: { ...reading, problems: shown.slice(0, 100) } };
  }
  if (contents === null || (yaml.isScalar(contents) && contents.value === null))
    return { said: null, reading };
  if (!yaml.isMap(contents)) {
    reading.problems.push({
      offset: offsetOf(contents),
      message: `expected ${what}, of the form key: value`,
    });
    return { said: null, reading };
  }
  return { said: rule.read(reading, contents, '')?.value ?? null, reading };
}

/** A message of the parser may name an anchor or a tag. */
function hideTokens(message: string): string {
  return findToken(message) ? 'this is no YAML' : message;
}

function toProject(said: ReadProject, path: string, places: ReadonlyMap<string, Place>): ProjectFile {
  const root = path.slice(0, path.lastIndexOf('/')) || '/';
  const { resources = {}, services, hooks = {} } = said;
  return {
    ...emptyProject(path, root, said.name ?? defaultProjectName(root)),
    resources: {
      provider: resources.provider,
      regions: resources.region,
      size: resources.size,
      image: resources.image,
    },
    bundles: said.bundles ?? [],
    packages: said.packages ?? [],
    services: services
      ? {
          enabled: services.enabled ?? true,
          composeFile: services.compose_file ?? 'compose.yaml',
          profiles: services.profiles ?? [],
        }
      : null,
    repositories: said.repositories ?? [],
    env: said.env ?? {},
    keepEnv: said.keep_env ?? false,
    setup: said.setup ?? [],
    ports: said.ports ?? [],
    hooks: { postUp: hooks.post_up ?? [], preDown: hooks.pre_down ?? [] },
    aiTools: said.ai_tools ?? 'none',
    dotfiles: said.dotfiles ?? null,
    volumes: said.volumes ?? [],
    sync: said.sync ?? 'rsync',
    prebuild: said.prebuild ?? 'off',
    devcontainer: said.devcontainer ?? null,
    idleTimeoutMs: said.idle_timeout,
    maxLifetimeMs: said.max_lifetime,
    firewall: said.firewall,
    rescue: said.rescue,
    tailscale: {
      enabled: said.tailscale && (said.tailscale.enabled ?? true),
      tags: said.tailscale?.tags,
      closePublicSsh: said.tailscale?.close_public_ssh,
    },
    onIdle: said.on_idle,
    places,
  };
}

interface Range {
  start: number;
  end: number;
}

function guardRange(yaml: Yaml, { document: { contents } }: ParsedYaml): Range | null {
  if (!yaml.isMap(contents)) return null;
  const pair = contents.items.find(({ key }) => yaml.isScalar(key) && key.value === 'guard');
  const [start, , end] = (pair?.value as { range?: [number, number, number] } | null)?.range ?? [];
  return start === undefined || end === undefined ? null : { start, end };
}

/** Known shapes anywhere, comments included, and what is random under a name that announces a credential. */
function findSecrets(
  yaml: Yaml,
  text: string,
  { document, place }: ParsedYaml,
  guard: Range | null,
): Problem[] {
  const found = new Map<number, Problem>();
  const note = (offset: number, kind: string) => {
    const { line } = place(offset);
    if (found.has(line)) return;
    const isGuard = guard !== null && offset >= guard.start && offset <= guard.end;
    found.set(line, {
      offset,
      message: `this looks like ${kind}, which everybody who gets this file would have`,
      hint: 'it belongs in spuff.secrets.yaml; if the file was shared, revoke it and make a new one',
      ...(isGuard && { part: guardPart }),
    });
  };
  let start = 0;
  for (const line of text.split('\n')) {
    const token = findToken(coverHarmless(line));
    if (token) note(start + token.index, token.kind);
    start += line.length + 1;
  }
  // What is quoted, escaped or folded shows itself once it is taken apart.
  yaml.visit(document, {
    Scalar: (position, node, path) => {
      if (typeof node.value !== 'string') return;
      const token = findToken(coverHarmless(node.value));
      const pair = path.at(-1);
      const name = position === 'value' && yaml.isPair(pair) && yaml.isScalar(pair.key) ? pair.key.value : '';
      if (token) note(offsetOf(node), token.kind);
      else if (isSecretName(String(name)) && looksRandom(coverHarmless(node.value)))
        note(offsetOf(node), 'a credential');
    },
  });
  return [...found.values()];
}

/** Public keys can look like a token, and a variable in a URL is where its password should be. */
function coverHarmless(text: string): string {
  return text
    .replaceAll(/AAAA[A-Za-z0-9+/]{20,}/g, (key) => '-'.repeat(key.length))
    .replaceAll(/\$\{\w+\}|\$[A-Za-z_]\w*/g, (name) => ' '.repeat(name.length));
}
