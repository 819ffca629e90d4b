/** Every setting, as data: the reader, the editor, the completion and the documentation are all made of this. */
import { formatDuration } from '../domain/duration.ts';
import { checkUserName } from '../domain/names.ts';
import { onIdleChoices } from '../domain/provider.ts';
import { defaultSettings, forwardAgentModes, type Settings } from '../domain/settings.ts';
import { checkApiAddress } from '../lib/https.ts';
import {
  chosen,
  matching,
  off,
  parseBudgets,
  parseBytesPerSecond,
  parseCommandLine,
  parseCores,
  parseDuration,
  parseEngineAddress,
  parseFirewall,
  parsePath,
  parseRecipients,
  parseShortDuration,
  parseTags,
  parseWords,
  takes,
  wordPattern,
} from './settings-parsers.ts';

export interface SettingSpec<Field extends keyof Settings = keyof Settings> {
  /** As it stands in the file. */
  readonly key: string;
  readonly field: Field;
  /** What a value looks like, in a few words. */
  readonly takes: string;
  readonly about: string;
  readonly choices?: readonly string[];
  /** The text of the default; null: nothing, which is then explained in `about`. */
  readonly default: string | null;
  /** @throws SpuffError `config` saying what was expected */
  readonly parse: (text: string) => Settings[Field];
}

function setting<Field extends keyof Settings>(
  spec: Omit<SettingSpec<Field>, 'default'>,
): SettingSpec<Field> {
  return { ...spec, default: formatSetting(defaultSettings[spec.field], spec.takes) };
}

const onOrOff = ['on', 'off'] as const;
const { duration, shortDuration, cores, word, list } = takes;

export const settingsTable: readonly SettingSpec[] = [
  setting({
    key: 'provider',
    field: 'provider',
    takes: word,
    about: 'Where machines are made. `local` makes them on this computer.',
    parse: (text) => matching(text, /^[a-z][a-z0-9-]{0,30}$/, 'the name of a provider, such as local'),
  }),
  setting({
    key: 'region',
    field: 'regions',
    takes: list,
    about:
      "Region of the provider, or several in the order of preference: where one has no room, the next is tried. Without it: the provider's own choice.",
    parse: (text) => parseWords(text, 'the name of a region'),
  }),
  setting({
    key: 'allowed_regions',
    field: 'allowedRegions',
    takes: list,
    about:
      'A machine in any other region is refused before anything is asked of the provider. Without it: all are allowed.',
    parse: (text) => parseWords(text, 'the name of a region'),
  }),
  setting({
    key: 'size',
    field: 'size',
    takes: word,
    about: "Size of a machine, in the provider's words. Without it: the provider's own choice.",
    parse: (text) => matching(text, wordPattern, 'the name of a size'),
  }),
  setting({
    key: 'image',
    field: 'image',
    takes: word,
    about: 'Image that machines start from. Without it: the Debian that spuff is tested with.',
    parse: (text) => matching(text, wordPattern, 'the name of an image'),
  }),
  setting({
    key: 'user',
    field: 'user',
    takes: 'a user name',
    about: 'Who you are on the machines.',
    parse: checkUserName,
  }),
  setting({
    key: 'ssh_key',
    field: 'sshKey',
    takes: 'a path',
    about:
      'Public key to log in with. Without it: what ssh-agent holds, else `~/.ssh/id_*.pub`, else the key that `spuff init` made.',
    parse: parsePath,
  }),
  setting({
    key: 'forward_agent',
    field: 'forwardAgent',
    takes: 'a choice',
    choices: forwardAgentModes,
    about:
      '`guard` lets the machine use your ssh-agent for the hosts that you allow, while a session is open; `none` for nothing; `raw` lends every key, as `ssh -A` does.',
    parse: (text) => chosen(text, forwardAgentModes),
  }),
  setting({
    key: 'idle_timeout',
    field: 'idleTimeoutMs',
    takes: duration,
    about: 'A machine that nobody uses for this long is switched off.',
    parse: (text) => parseDuration(text, 'idle_timeout'),
  }),
  setting({
    key: 'idle_cpu',
    field: 'idleCpuCores',
    takes: cores,
    about:
      "A machine is in use while this many cores are at work, without the system's own. Without it: a tenth of them, at most half a core.",
    parse: parseCores,
  }),
  setting({
    key: 'idle_processes',
    field: 'idleProcessCores',
    takes: cores,
    about: 'The same for what you have started there: a build in tmux, an AI agent.',
    parse: parseCores,
  }),
  setting({
    key: 'idle_containers',
    field: 'idleContainerCores',
    takes: cores,
    about: 'The same for all containers together.',
    parse: parseCores,
  }),
  setting({
    key: 'idle_network',
    field: 'idleNetworkBytesPerSecond',
    takes: 'bytes a second, such as 50k or 1M',
    about: 'A machine is in use while it sends and receives this much.',
    parse: parseBytesPerSecond,
  }),
  setting({
    key: 'pre_down_timeout',
    field: 'preDownTimeoutMs',
    takes: shortDuration,
    about: 'How long `/etc/spuff/pre-down` may take on a machine before that is powered off or destroyed.',
    parse: parseShortDuration,
  }),
  setting({
    key: 'max_lifetime',
    field: 'maxLifetimeMs',
    takes: duration,
    about:
      'A machine powers itself off when it is this old, in use or not. `spuff up --ttl` sets it for one machine.',
    parse: (text) => parseDuration(text, 'max_lifetime'),
  }),
  setting({
    key: 'monthly_budget',
    field: 'monthlyBudgets',
    takes: 'an amount such as 50EUR, or several in different currencies, separated by commas',
    about:
      'What the machines of a month may cost at most, as far as this computer made them: `spuff up` warns from 80 % on, and refuses what would be over it. Without it: anything.',
    parse: parseBudgets,
  }),
  setting({
    key: 'keep_snapshots',
    field: 'keepSnapshots',
    takes: 'a whole number',
    about:
      'How many snapshots of each instance name stay when a new one is made: older ones that this computer made are deleted. 0, or without it: all stay.',
    parse: (text) => Number(matching(text, /^\d{1,4}$/, 'a whole number up to 9999')) || null,
  }),
  setting({
    key: 'on_idle',
    field: 'onIdle',
    takes: 'a choice',
    choices: onIdleChoices,
    about:
      'What the reaper does with a machine that has switched itself off, or is past its deadline: `destroy`, or `snapshot` to keep its disk first. It stands on each machine from its making.',
    parse: (text) => chosen(text, onIdleChoices),
  }),
  setting({
    key: 'rescue',
    field: 'rescue',
    takes: 'a choice',
    choices: onOrOff,
    about:
      'Whether work that lies nowhere else (commits that no remote has, stashes, changes, untracked files) is saved before a machine is destroyed. New machines are then made with `on_idle: snapshot`, where the provider can.',
    parse: (text) => chosen(text, onOrOff) === 'on',
  }),
  setting({
    key: 'rescue_to',
    field: 'rescueTo',
    takes: 'public SSH keys, such as ~/.ssh/id_ed25519.pub, or recipients of age, separated by commas',
    about: "Who can open what was saved. Without it: a key of spuff's own, in the same home.",
    parse: parseRecipients,
  }),
  setting({
    key: 'reap_in_background',
    field: 'reapInBackground',
    takes: 'a choice',
    choices: onOrOff,
    about:
      'Whether other commands start `spuff reap` in the background, once a minute at most and only while there are instances.',
    parse: (text) => chosen(text, onOrOff) === 'on',
  }),
  setting({
    key: 'token_command',
    field: 'tokenCommand',
    takes: 'a command',
    about:
      "Prints the token of the provider's API, such as `op read op://vault/item/token`. Run without a shell, on each use, and only when no variable holds a token. What it prints is never kept.",
    parse: parseCommandLine,
  }),
  setting({
    key: 'tailscale',
    field: 'tailscale',
    takes: 'a choice',
    choices: onOrOff,
    about: 'Whether new machines join your tailnet, and are reached by it where that works.',
    parse: (text) => chosen(text, onOrOff) === 'on',
  }),
  setting({
    key: 'tailscale_tags',
    field: 'tailscaleTags',
    takes: list,
    about: 'Tags of the machines in the tailnet, such as `tag:dev`. Without it: those of the auth key.',
    parse: parseTags,
  }),
  setting({
    key: 'tailscale_close_public_ssh',
    field: 'tailscaleClosePublicSsh',
    takes: 'a choice',
    choices: onOrOff,
    about:
      'Whether port 22 is closed to everybody else once a machine was reached by the tailnet, where the provider has firewalls.',
    parse: (text) => chosen(text, onOrOff) === 'on',
  }),
  setting({
    key: 'tailscale_key_command',
    field: 'tailscaleKeyCommand',
    takes: 'a command',
    about:
      'Prints an auth key of your tailnet. Run without a shell, for each machine, and only when `TS_AUTHKEY` is not set. What it prints is never kept.',
    parse: parseCommandLine,
  }),
  setting({
    key: 'firewall',
    field: 'firewall',
    takes: 'my-ip, open, or networks such as 198.51.100.0/24, separated by commas',
    about:
      'Who may reach port 22 of a new machine, where the provider has firewalls. `my-ip`: the address that you have when it is made; `spuff firewall allow` adds another.',
    parse: parseFirewall,
  }),
  setting({
    key: 'address_service',
    field: 'addressService',
    takes: 'a web address',
    about: 'Is asked for the address that you have, for `my-ip`: answers a GET with it, as text.',
    parse: (text) => {
      checkApiAddress(text, {});
      return text;
    },
  }),
  setting({
    key: 'engine_socket',
    field: 'engineSocket',
    takes: 'a path or a unix:// address',
    about:
      'Docker or Podman socket for the local provider. Without it: `DOCKER_HOST`, else the usual places.',
    parse: parseEngineAddress,
  }),
];

const specs = new Map(settingsTable.map((spec) => [spec.key, spec]));

export function findSetting(key: string): SettingSpec | null {
  return specs.get(key) ?? null;
}

/** A value of Settings as it would stand in the file; null: it would not. */
function formatSetting(value: Settings[keyof Settings], takes: string): string | null {
  if (takes === duration || takes === shortDuration)
    return value === null ? off : formatDuration(Number(value)).replaceAll(' ', '');
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return value === null ? null : String(value);
}
