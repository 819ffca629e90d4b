/** The kinds of values that a project's file has. */
import { aiToolNames, bundleNames } from '../domain/bundle-names.ts';
import { toGitUrl } from '../domain/git-url.ts';
import type { BundleWish, PortWish, RepositoryWish, VolumeWish } from '../domain/project.ts';
import { parseDuration, parseFirewall, takes } from './settings-parsers.ts';
import { showValue, textOf } from './yaml-document.ts';
import { about, either, fields, list, mapped, type Rule, refuse } from './yaml-rules.ts';
import { known, text, wholeNumber } from './yaml-scalars.ts';

/** Also as a number: whoever leaves the quotes out means the same. */
export const version: Rule<string> = {
  schema: { enum: ['1', 1] },
  read: (reading, node, path) => {
    const written = textOf(reading.yaml, node);
    if (written === '1') return { value: written };
    const message = `${path}: ${showValue(written)} is not one that this spuff knows: there is 1`;
    return refuse(reading, node, message, () => 'perhaps a newer spuff does');
  },
};

export const word = (what: string) =>
  text({ expected: `the name of ${what}`, pattern: '^[A-Za-z0-9][A-Za-z0-9._:/@+\\-]{0,127}$' });
/** Below the folder that it is relative to, also after all `..` are followed. */
const inside = '^(?!/)(?!~)(?!(?:.*/)?\\.\\.(?:/|$))[^\\0\\n]+$';
export const relativePath = (what: string) =>
  text({ expected: `a path in ${what}, without ..`, pattern: inside });
const duration = text({
  expected: takes.duration,
  pattern: '^(?:off|(?:[0-9]{1,6}[smhd])+)$',
  // null is never: wrapped, because the rule takes null for wrong.
  parse: (written) => ({ ms: parseDuration(written, 'this') }),
});
export const orOff = mapped(duration, ({ ms }) => ms);

const command = text({ expected: 'a command', pattern: '^[^\\0]*\\S[^\\0]*$', longest: 64 * 1024 });
export const commands = either('a command, or a list of them', {
  one: mapped(command, (one) => [one]),
  list: list(command, { example: '["npm ci", "npm test"]' }),
});

const gitUrl = text({
  expected: 'a repository: owner/repo, git@host:path or https://host/path',
  pattern:
    '^(?!.*::)(?:[\\w\\-]+/[\\w.\\-]+|(?:ssh|https)://\\S+|(?!\\w+://)(?:[\\w.\\-]+@)?[A-Za-z0-9][A-Za-z0-9.\\-]*:\\S+)$',
  parse: toGitUrl,
});
export const repository = either<RepositoryWish, never, RepositoryWish>(
  'a repository, or url, path and branch',
  {
    one: mapped(gitUrl, (url) => ({ url, path: null, branch: null })),
    map: mapped(
      fields(
        {
          url: about('owner/repo, git@host:path or https://host/path', gitUrl),
          path: about('Where, relative to the home on the machine.', relativePath('the home')),
          branch: about(
            "Without it: the repository's own choice.",
            text({
              expected: 'the name of a branch',
              pattern: '^(?![\\-/.])(?!.*(?:\\.\\.|//|@\\{|/$))[^\\s~^:?*\\[\\\\]{1,250}$',
            }),
          ),
        },
        { what: 'setting of a repository', required: ['url'] },
      ),
      ({ url = '', path, branch }) => ({ url, path: path ?? null, branch: branch ?? null }),
    ),
  },
);

const portNumber = '(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const portText = text({
  expected: 'a port from 1 to 65535, or "LOCAL:REMOTE" such as "8080:80"',
  pattern: `^${portNumber}(?::${portNumber})?$`,
  plain: true,
  parse: (written): PortWish => {
    const [local = '', remote = local] = written.split(':');
    return { local: Number(local), remote: Number(remote) };
  },
});
/** A number has no pattern in JSON Schema, so the schema of the numbers is that of another rule. */
export const port: Rule<PortWish> = {
  schema: {
    anyOf: [wholeNumber(1, 65_535, 'a port').schema, { ...portText.schema, type: 'string' }],
  },
  read: portText.read,
};

export const bundle = known(
  text({
    expected: 'a bundle',
    pattern: `^(?:${bundleNames.join('|')})(?:@[0-9A-Za-z][0-9A-Za-z._+\\-]{0,40})?$`,
    parse: (written): BundleWish => {
      const [name = '', version = null] = written.split('@');
      return { name, version };
    },
  }),
  'bundle',
  bundleNames,
);

export const aiTool = known(
  text({ expected: 'an AI tool', pattern: `^(?:${aiToolNames.join('|')})$` }),
  'AI tool',
  aiToolNames,
);

export const volume: Rule<VolumeWish> = mapped(
  fields(
    {
      source: about('A folder here: copied to `target` before that is mounted.', relativePath('the project')),
      target: about(
        'A folder of the machine: absolute, or relative to the home.',
        text({ expected: 'a path, without ..', pattern: '^(?!(?:.*/)?\\.\\.(?:/|$))[^\\0\\n]+$' }),
      ),
      mount_point: about(
        "Where it is seen here. Without it: under spuff's home.",
        relativePath('the project'),
      ),
    },
    { what: 'setting of a volume', required: ['target'] },
  ),
  ({ source, target = '', mount_point }) => ({
    source: source ?? null,
    target,
    mountPoint: mount_point ?? null,
  }),
);

export const region = either('a region, or a list of them', {
  one: mapped(
    text({
      expected: 'names of regions, separated by commas',
      pattern: '^[A-Za-z0-9][A-Za-z0-9._:/@+\\-]{0,127}(?:, *[A-Za-z0-9][A-Za-z0-9._:/@+\\-]{0,127})*$',
    }),
    (written) => written.split(',').map((one) => one.trim()),
  ),
  list: atLeastOne(list(word('a region'), { example: '[nbg1, fsn1]' })),
});

export const network = text({
  expected: 'a network such as 198.51.100.0/24',
  pattern: '^[0-9a-fA-F:.]+(?:/[0-9]{1,3})?$',
  parse: (written) => [parseFirewall(written)].flat()[0] ?? null,
});

/** No region at all would be no place. */
function atLeastOne<T>(rule: Rule<readonly T[]>): Rule<readonly T[]> {
  return {
    schema: { ...rule.schema, minItems: 1 },
    read: (reading, node, path) => {
      const found = rule.read(reading, node, path);
      if (found === null || !reading.yaml.isSeq(node) || node.items.length > 0) return found;
      reading.problems.push({ offset: node.range?.[0] ?? 0, message: `${path}: the list is empty` });
      return null;
    },
  };
}
