/**
 * What a program can check on a machine that runs. The machine gives the answers, so a machine whose root is hostile can
 * lie: this finds what was forgotten or changed, not who hides.
 */
import { readFileSync } from 'node:fs';
import { SpuffError } from '../../domain/errors.ts';
import type { Inspection, Seen } from '../../domain/inspection.ts';
import type { Instance } from '../../domain/instance.ts';
import { escapeText } from '../../lib/escape.ts';
import { parsePublicKey } from '../../lib/public-key.ts';
import type { AppContext } from '../context.ts';
import { sshTargetOf } from '../select-instance.ts';

export interface MachineContext {
  context: AppContext;
  instance: Instance;
}

const again = (name: string) =>
  `what is made anew is as it should be: spuff down ${name}, then spuff up ${name}`;
const short = (text: string) => escapeText(text.trim(), { singleLine: true }).slice(0, 200);

/** What sshd has to say of itself, in the words of `sshd -T`. */
const wantedOfSshd: ReadonlyArray<readonly [name: string, value: RegExp]> = [
  ['permitrootlogin', /^no$/],
  ['passwordauthentication', /^no$/],
  ['kbdinteractiveauthentication', /^no$/],
  ['pubkeyauthentication', /^yes$/],
  ['permitemptypasswords', /^no$/],
  ['permittunnel', /^no$/],
  ['x11forwarding', /^no$/],
];

export const machineInspections: readonly Inspection<MachineContext>[] = [
  {
    ...{ control: 'V1', slug: 'sshd', place: 'machine', severity: 'high' },
    title: 'sshd lets one user in, by key alone',
    why: 'a password can be guessed',
    run: async ({ context, instance }) => {
      const said = await ask(context, instance, ['sudo', '-n', 'sshd', '-T']);
      const values = new Map(
        said.split('\n').map((line) => [line.split(' ')[0], line.slice(line.indexOf(' ') + 1)]),
      );
      const users = said.match(/^allowusers .*$/gm)?.map((line) => line.slice('allowusers '.length)) ?? [];
      const wrong = wantedOfSshd.filter(([name, value]) => !value.test(values.get(name) ?? ''));
      return [
        ...wrong.map(([name]) => ({
          what: `sshd of ${instance.name}: ${name} is ${short(values.get(name) ?? 'not said')}`,
          mend: again(instance.name),
        })),
        ...(users.join(' ') === instance.user
          ? []
          : [
              {
                what: `sshd of ${instance.name} lets in: ${short(users.join(' ')) || 'everybody'}`,
                mend: again(instance.name),
              },
            ]),
      ];
    },
  },
  {
    ...{ control: 'V1', slug: 'passwords', place: 'machine', severity: 'high' },
    title: 'no account has a password',
    why: 'who knows it becomes that user by su, or at a console',
    run: async ({ context, instance }) => {
      const said = await ask(context, instance, ['sudo', '-n', 'passwd', '-S', '-a']);
      if (!/^root /m.test(said))
        return { skipped: `passwd on ${instance.name} did not say anything of root` };
      return said.split('\n').flatMap((line) => {
        const [user = '', state] = line.split(' ');
        if (user === '' || state === 'L' || state === 'LK') return [];
        return [
          {
            what: `${short(user)} on ${instance.name} ${state === 'NP' ? 'needs no password' : 'has a password'}`,
            mend: `spuff exec ${instance.name} -- sudo passwd -l ${short(user)}`,
          },
        ];
      });
    },
  },
  {
    ...{ control: 'V2', slug: 'firewall', place: 'machine', severity: 'high' },
    title: 'the packet filter of the machine lets nothing in but SSH',
    why: 'what listens by mistake is reached by everybody',
    run: async ({ context, instance }) => {
      const said = await ask(context, instance, ['sudo', '-n', 'nft', 'list', 'table', 'inet', 'spuff']);
      const drops =
        /hook input[^;]*; policy drop;/.test(said) && /hook forward[^;]*; policy drop;/.test(said);
      const seen = drops ? [] : [`the table of spuff in nftables of ${instance.name} does not drop`];
      for (const rule of openingRules(said))
        seen.push(`the packet filter of ${instance.name} lets in: ${short(rule)}`);
      return seen.map((what) => ({ what, mend: again(instance.name) }));
    },
  },
  {
    ...{ control: 'V2', slug: 'listeners', place: 'machine', severity: 'low' },
    title: 'nothing but sshd listens on more than loopback',
    why: 'the filter is then the only thing between it and everybody',
    run: async ({ context, instance }) => {
      const said = await ask(context, instance, ['ss', '-Hltn']);
      return said.split('\n').flatMap((line): Seen[] => {
        const local = line.trim().split(/\s+/)[3] ?? '';
        if (local === '' || /^(?:127\.|\[::1\]|\[::ffff:127\.)/.test(local) || /:22$/.test(local)) return [];
        return [
          {
            what: `something on ${instance.name} listens on ${short(local)}`,
            mend: 'have it listen on 127.0.0.1, and reach it with spuff tunnel',
          },
        ];
      });
    },
  },
  {
    ...{ control: 'V4', slug: 'agent', place: 'machine', severity: 'high' },
    title: 'spuff-agent runs, and listens on loopback alone',
    why: 'it runs commands for whoever has its token',
    run: async ({ context, instance }) => {
      const said = await ask(context, instance, ['ss', '-Hltn', 'sport', '=', ':7575']);
      const places = said.split('\n').flatMap((line) => line.trim().split(/\s+/)[3] ?? []);
      const state = await ask(context, instance, ['systemctl', 'is-active', 'spuff-agent.service']);
      const isOpen = places.some((place) => !place.startsWith('127.0.0.1:'));
      if (state === 'active' && places.length > 0 && !isOpen) return [];
      const what = isOpen
        ? `port 7575 of ${instance.name} listens on ${short(places.join(' '))}`
        : `spuff-agent on ${instance.name} is ${state === 'active' ? 'not reached' : short(state)}: nothing there ends its lease`;
      return [{ what, mend: `spuff agent upgrade ${instance.name}` }];
    },
  },
  {
    ...{ control: 'V6', slug: 'metadata', place: 'machine', severity: 'medium' },
    title: 'the metadata service answers root alone',
    why: 'it tells the user data and, in some accounts, credentials',
    run: async ({ context, instance }) => {
      const said = await ask(context, instance, ['sudo', '-n', 'nft', 'list', 'table', 'inet', 'spuff']);
      return /169\.254\.169\.254.*skuid != 0 reject/.test(said)
        ? []
        : [{ what: `users of ${instance.name} reach its metadata service`, mend: again(instance.name) }];
    },
  },
  {
    ...{ control: 'V7', slug: 'sandbox', place: 'machine', severity: 'medium' },
    title: 'the unit of spuff-agent is shut in: an exposure of 2.0 at most',
    why: 'a fault in it could reach more of the machine than it needs',
    run: async ({ context, instance }) => {
      const said = await ask(context, instance, ['systemd-analyze', 'security', '--no-pager', 'spuff-agent']);
      const exposure = Number(
        /exposure level for spuff-agent\.service: ([\d.]+)/.exec(said)?.[1] ?? Number.NaN,
      );
      if (exposure <= 2) return [];
      return [
        {
          what: `the exposure of spuff-agent on ${instance.name} is ${Number.isNaN(exposure) ? 'not known' : exposure}`,
          mend: `spuff agent upgrade ${instance.name}`,
        },
      ];
    },
  },
  {
    ...{ control: 'V7', slug: 'updates', place: 'machine', severity: 'medium' },
    title: 'no security update waits',
    why: 'what it mends is known to everybody',
    run: async ({ context, instance }) => {
      const said = await ask(context, instance, [
        'apt-get',
        '-s',
        '-o',
        'Debug::NoLocking=true',
        'dist-upgrade',
      ]);
      const waiting = said.split('\n').filter((line) => /^Inst .*(?:Debian-Security|-security)/.test(line));
      if (waiting.length === 0) return [];
      const names = waiting.map((line) => line.split(' ')[1] ?? '');
      return [
        {
          what: `${waiting.length} security updates wait on ${instance.name}: ${short(names.slice(0, 5).join(', '))}`,
          mend: `spuff exec ${instance.name} -- sudo apt-get -y dist-upgrade`,
        },
      ];
    },
  },
  {
    ...{ control: 'P5', slug: 'authorized-keys', place: 'machine', severity: 'high' },
    title: 'the keys that are let in are those that spuff brought',
    why: 'who added one comes back whenever they like',
    run: async ({ context, instance }) => {
      const own = new Set(await expectedKeys(context, instance));
      const said = await ask(context, instance, [
        'sudo',
        '-n',
        'find',
        '/root',
        '/home',
        '-xdev',
        '-maxdepth',
        '3',
        '-path',
        '*/.ssh/authorized_keys*',
        '-type',
        'f',
        '-exec',
        'grep',
        '-H',
        '',
        '{}',
        '+',
      ]);
      return said.split('\n').flatMap((line) => findForeignKey(line, own, instance));
    },
  },
  {
    ...{ control: 'V1', slug: 'sudo', place: 'machine', severity: 'high' },
    title: 'nobody but the login user and root may become root',
    why: 'a rule that was added is a way back',
    run: async ({ context, instance }) => {
      const said = await ask(context, instance, [
        'sudo',
        '-n',
        'grep',
        '-rhE',
        '^[^#@ \t].*=',
        '/etc/sudoers',
        '/etc/sudoers.d',
      ]);
      const known = new Set(['root', '%sudo', instance.user]);
      return said.split('\n').flatMap((line) => {
        const [who = ''] = line.trim().split(/\s+/);
        if (who === '' || who.startsWith('Defaults') || known.has(who)) return [];
        return [
          {
            what: `${short(who)} may become root on ${instance.name}: ${short(line)}`,
            mend: again(instance.name),
          },
        ];
      });
    },
  },
];

/** An exit status that is an answer: nothing found, no such table, not active. */
const answersBy: Readonly<Record<string, number>> = { grep: 1, nft: 1, systemctl: 3 };

/** @throws SpuffError `unavailable` when the program fails, and what ssh says */
async function ask(context: AppContext, instance: Instance, argv: readonly string[]): Promise<string> {
  const ssh = await context.ssh();
  const options = { timeoutMs: 30_000, signal: context.signal };
  const { stdout, stderr, exitCode } = await ssh.run(sshTargetOf(instance), argv, options);
  // sudo that refuses ends with 1 as well, and says so.
  const isAnswer = argv.some((word) => answersBy[word] === exitCode) && !/^sudo: /m.test(stderr);
  if (exitCode === 0 || isAnswer) return stdout.slice(0, 1024 * 1024).trimEnd();
  const program = argv.find((word) => !['sudo', '-n'].includes(word));
  throw new SpuffError(
    'unavailable',
    `${program} on ${instance.name} ended with ${exitCode}: ${short(stderr)}`,
  );
}

/** By the state and by what would log in now: a rotation may be between the two. */
async function expectedKeys(context: AppContext, { sshPublicKeyPath }: Instance): Promise<string[]> {
  const found = await (await context.ssh())
    .findLoginKeys((await context.settings()).sshKey)
    .catch(() => null);
  const lines = [...(found?.publicKeys ?? [])];
  try {
    if (sshPublicKeyPath !== null) lines.push(readFileSync(sshPublicKeyPath, 'utf8'));
  } catch {
    // It is gone: then it is not expected.
  }
  return lines.flatMap((line) => parsePublicKey(line)?.fingerprint ?? []);
}

/** Rules of the chain for what comes in that let in more than SSH, and what a machine needs to have an address. */
function openingRules(table: string): string[] {
  const [, chain = ''] =
    /chain inbound \{([^}]*)\}/.exec(table.replaceAll(/\{ [^{}\n]* \}/g, '(list)')) ?? [];
  const known = /^(?:iif "lo" |ct state |tcp dport 22 |icmp |icmpv6 |udp sport 67 |ip6 saddr fe80::\/10 )/;
  return chain
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /\baccept$/.test(line) && !known.test(line) && !line.startsWith('type '));
}

function findForeignKey(line: string, own: ReadonlySet<string>, instance: Instance): Seen[] {
  const [, path = '', text = ''] = /^(.*?\/authorized_keys[^:]*):(.*)$/.exec(line) ?? [];
  const bare = /(?:ssh|ecdsa|sk)-[\w@.-]+ +[A-Za-z0-9+/=]+/.exec(text)?.[0];
  if (text.trim() === '' || text.trimStart().startsWith('#') || bare === undefined) return [];
  const fingerprint = parsePublicKey(bare)?.fingerprint ?? null;
  // A restriction in front of it does not make it somebody else's.
  if (fingerprint !== null && own.has(fingerprint)) return [];
  return [
    {
      what: `${short(path)} on ${instance.name} lets in ${fingerprint ?? 'a key that can not be read'}`,
      mend:
        fingerprint === null
          ? `look at it: spuff exec ${instance.name} -- sudo cat ${short(path)}`
          : `if it is not yours: spuff incident vm ${instance.name}`,
    },
  ];
}
