/** Every setting of a project's file, as data: the reader, the JSON Schema and a test of the documentation are made of this. */
import { aiToolNames, bundleNames } from '../domain/bundle-names.ts';
import { prebuildModes, syncModes } from '../domain/project.ts';
import { onIdleChoices } from '../domain/provider.ts';
import { envRule } from './env-rules.ts';
import { guardRule } from './guard-rule.ts';
import {
  aiTool,
  bundle,
  commands,
  network,
  orOff,
  port,
  region,
  relativePath,
  repository,
  version,
  volume,
  word,
} from './project-parts.ts';
import { parseFirewall, tagPattern } from './settings-parsers.ts';
import { about, either, fields, list, type ReadFields } from './yaml-rules.ts';
import { choice, text, truth } from './yaml-scalars.ts';

export const projectRules = {
  version: about('Of the form of this file.', version),
  name: about(
    'What the machine is called. Without it: as the folder.',
    text({
      expected:
        'a name of 1 to 40 lower-case letters, digits and hyphens, with a letter or digit at both ends',
      pattern: '^[a-z0-9](?:[a-z0-9\\-]{0,38}[a-z0-9])?$',
    }),
  ),
  resources: about(
    'The machine. What is not said here is as your own settings have it.',
    fields(
      {
        provider: about(
          'Where it is made. The other resources count there alone.',
          text({ expected: 'the name of a provider, such as local', pattern: '^[a-z][a-z0-9\\-]{0,30}$' }),
        ),
        region: about('One, or several in the order of preference.', region),
        size: about("In the provider's words, or what you need: 4cpu-8gb.", word('a size')),
        image: about('What it starts from.', word('an image')),
      },
      { what: 'setting of the resources' },
    ),
  ),
  bundles: about(
    `Runtimes with their tools, NAME or NAME@VERSION: ${bundleNames.join(', ')}.`,
    list(bundle, { example: '[node@24, python]', distinct: { what: 'the bundle', of: ({ name }) => name } }),
  ),
  packages: about(
    'Packages of Debian.',
    list(
      text({
        expected: 'the name of a package of Debian',
        pattern: '^[a-z0-9][a-z0-9.+\\-]{1,100}(?::[a-z0-9\\-]{1,20})?(?:=[A-Za-z0-9.+~:\\-]{1,70})?$',
      }),
      { example: '[ripgrep, jq]', distinct: { what: 'the package', of: (name) => name } },
    ),
  ),
  services: about(
    'Containers that run beside: a compose file.',
    fields(
      {
        enabled: about('Without it: true.', truth),
        compose_file: about('Relative to this file.', relativePath('the project')),
        profiles: list(text({ expected: 'a profile', pattern: '^[A-Za-z0-9][A-Za-z0-9_.\\-]{0,79}$' }), {
          example: '[debug]',
        }),
      },
      { what: 'setting of the services' },
    ),
  ),
  repositories: about(
    'Are cloned on the machine, with your keys lent.',
    list(repository, { example: '[owner/repo]' }),
  ),
  env: about(
    'Variables on the machine. $VAR, ${VAR} and ${VAR:-else} are looked up on your computer; $$ is a dollar sign.',
    envRule,
  ),
  setup: about('Run on the machine once it is there, in the project folder.', commands),
  ports: about(
    'Ports of the machine that are reached on 127.0.0.1 here.',
    list(port, {
      example: '[3000, "8080:80"]',
      distinct: { what: 'the local port', of: ({ local }) => String(local) },
    }),
  ),
  hooks: about(
    'Commands at other times.',
    fields(
      {
        post_up: about('After each `spuff up`.', commands),
        pre_down: about('Before the machine is switched off or destroyed.', commands),
      },
      { what: 'hook' },
    ),
  ),
  ai_tools: about(
    `all, none, or some of: ${aiToolNames.join(', ')}.`,
    either('all, none, or a list', {
      one: choice<'all' | 'none'>(['all', 'none']),
      list: list(aiTool, { example: '[claude-code]', distinct: { what: 'the tool', of: (name) => name } }),
    }),
  ),
  dotfiles: about('The repository with your dotfiles.', repository),
  volumes: about('Folders of the machine that are seen here.', list(volume, { example: '[{target: data}]' })),
  idle_timeout: about('A machine that nobody uses for this long is switched off.', orOff),
  max_lifetime: about('A machine powers itself off when it is this old.', orOff),
  guard: about(
    'What the machine may use your keys for: narrows what you allow, and never widens it.',
    guardRule,
  ),
  firewall: about(
    'Who may reach port 22: my-ip, open, or networks.',
    either('my-ip, open, a network, or a list of networks', {
      one: text({
        expected: 'my-ip, open, or networks such as 198.51.100.0/24, separated by commas',
        pattern: '^(?:my-ip|open|[0-9a-fA-F:./, ]+)$',
        parse: parseFirewall,
      }),
      list: list(network, { example: '[198.51.100.0/24]' }),
    }),
  ),
  rescue: about('Whether work that is not committed is saved before a machine goes.', truth),
  tailscale: about(
    'Machines join your tailnet.',
    fields(
      {
        enabled: about('Whether they do; true where this is written.', truth),
        tags: about(
          'What they are there.',
          list(text({ expected: 'a tag, such as tag:dev', pattern: tagPattern.source }), {
            example: '[tag:dev]',
          }),
        ),
        close_public_ssh: about('Whether port 22 is closed to others once the tailnet works.', truth),
      },
      { what: 'setting of tailscale' },
    ),
  ),
  on_idle: about('What becomes of the disk of a machine that goes by itself.', choice(onIdleChoices)),
  sync: about('How the files of this folder get to the machine.', choice(syncModes)),
  prebuild: about(
    'Whether the disk with packages, bundles and AI tools is kept, for the next machine to start from.',
    choice(prebuildModes),
  ),
  devcontainer: about(
    'Whether devcontainer.json counts: its container is brought up, and sessions are in it.',
    truth,
  ),
  keep_env: about('Whether env is written to the disk of the machine, to be there after a reboot.', truth),
} as const;

export type ReadProject = ReadFields<typeof projectRules>;

export const projectRule = fields(projectRules, { what: 'setting of a project' });

export const secretsRule = fields({ env: envRule }, { what: 'setting of a file of secrets' });
