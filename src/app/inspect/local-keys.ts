/** Keys that log in, and what lends them. */
import { formatDuration } from '../../domain/duration.ts';
import type { Inspection, Seen } from '../../domain/inspection.ts';
import { runProcess } from '../../lib/process.ts';
import { describeOwnKeys } from '../own-keys.ts';
import type { LocalContext } from './local-context.ts';
import { asSeen } from './local-files.ts';

/** Where nothing says otherwise: a quarter. */
const oldMs = 92 * 24 * 3_600_000;

export const localKeyInspections: readonly Inspection<LocalContext>[] = [
  {
    ...{ control: 'S2', slug: 'private-key', place: 'local', severity: 'high' },
    title: 'the key that logs in is yours alone, strong, and has both halves',
    why: 'whoever reads a private key logs in with it',
    run: async ({ context }) => {
      const { sshKey } = await context.settings();
      return asSeen(async () => void (await (await context.ssh()).findLoginKeys(sshKey)));
    },
  },
  {
    ...{ control: 'S2', slug: 'passphrase', place: 'local', severity: 'medium' },
    title: 'the key that logs in has a passphrase',
    why: 'whoever copies a file without one can log in',
    run: async ({ context }) => {
      const { notes } = await (await context.ssh()).findLoginKeys((await context.settings()).sshKey);
      return notes.map((note) => {
        const [what = note] = note.split(': ');
        return { what, mend: /[:] (ssh-keygen .*)$/.exec(note)?.[1] ?? 'make another one: spuff key new' };
      });
    },
  },
  {
    ...{ control: 'F2', slug: 'ssh-agent', place: 'local', severity: 'low' },
    title: 'an ssh-agent holds your keys',
    why: 'without one a session can lend nothing, and a passphrase is asked for again and again',
    run: async ({ context, env }) => {
      if ((env['SSH_AUTH_SOCK'] ?? '') === '')
        return [
          { what: 'no ssh-agent runs: SSH_AUTH_SOCK is not set', mend: 'eval "$(ssh-agent)" && ssh-add' },
        ];
      const { exitCode } = await runProcess(['ssh-add', '-l'], { timeoutMs: 5_000, signal: context.signal });
      if (exitCode === 0) return [];
      return exitCode === 1
        ? [{ what: 'ssh-agent holds no key', mend: 'ssh-add' }]
        : [{ what: 'ssh-agent does not answer', mend: 'eval "$(ssh-agent)" && ssh-add' }];
    },
  },
  {
    ...{ control: 'P5', slug: 'own-key', place: 'local', severity: 'medium' },
    title: "spuff's own key is there, younger than a quarter, and no rotation is half done",
    why: 'a key that was copied long ago opens machines as long as it is let in',
    run: async (local) => {
      const reports = await describeOwnKeys(local.context, await local.openOwnKeys(), {
        asksProviders: false,
      });
      if (reports.length === 0) return { skipped: 'spuff has no key of its own; it uses yours' };
      return reports.flatMap((report): Seen[] => {
        const { key, role, ageMs, isUsable } = report;
        const name = `${key.name} (${key.fingerprint})`;
        if (role === 'retiring')
          return [{ what: `${name} is still let in somewhere`, mend: 'spuff key rotate' }];
        if (!isUsable) return [{ what: `${name} can not be used any more`, mend: 'spuff key rotate' }];
        if (ageMs === null || ageMs <= oldMs) return [];
        return [{ what: `${name} is ${formatDuration(ageMs)} old`, mend: 'spuff key rotate' }];
      });
    },
  },
  {
    ...{ control: 'F2', slug: 'forward-to-all', place: 'local', severity: 'high' },
    title: 'your ssh configuration lends your agent to no host that you do not name',
    why: 'root on any host that you log in on by ssh itself can use all your keys meanwhile',
    run: async ({ context }) => {
      const dump = await runProcess(['ssh', '-G', 'any-host.invalid'], {
        timeoutMs: 5_000,
        signal: context.signal,
      });
      return lendsByDefault(dump.stdout)
        ? [
            {
              what: 'ForwardAgent is on for every host',
              mend: 'take ForwardAgent out of "Host *" in ~/.ssh/config',
            },
          ]
        : [];
    },
  },
];

/** @param dump what `ssh -G` says of a host that nothing is said of */
export function lendsByDefault(dump: string): boolean {
  return /^forwardagent (?!no$)/m.test(dump);
}
