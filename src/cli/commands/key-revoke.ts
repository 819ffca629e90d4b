import { revokeKey } from '../../app/revoke-key.ts';
import { errorCodes, SpuffError } from '../../domain/errors.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag, optionalArgument, text } from '../parameters.ts';
import { undoneToJson } from '../render/key.ts';
import { SeveralErrors } from '../several-errors.ts';

export const keyRevoke = defineCommand({
  name: 'key revoke',
  summary: 'take a key away from every machine, and from this computer',
  details: [
    "The key may be one of spuff's own or any other that your machines let in. One of spuff's own is then taken out of " +
      'ssh-agent and deleted, after a question; files of yours are left alone.',
    'The last key that lets you in is not taken away: nothing is changed then, unless --force names the instances ' +
      'that you give up getting into. A machine that cannot be reached keeps the key, and so does this computer: the ' +
      'command names it and ends with an error. Sessions that are open stay open.',
  ],
  arguments: {
    fingerprint: optionalArgument('FINGERPRINT', 'which key, as spuff key list and ssh-keygen -l print it'),
  },
  options: {
    all: flag("every key of spuff's own", { short: 'a' }),
    force: text('NAMES', 'instances, with commas between them, that nobody needs to get into any more', {
      complete: 'instances',
    }),
    yes: flag('do not ask', { short: 'y' }),
  },
  examples: [
    { command: 'spuff key revoke SHA256:0EvnKlq7dSTAWYhLqSZUGaDuMELVjqMeZPNIzUlg3Ow', about: 'this key' },
    {
      command: 'spuff key revoke --all --force demo --yes',
      about: "all of spuff's own, though nobody gets into demo then",
    },
  ],
  json: 'key-revocation',
  onStop: 'stopping; the same command takes away what is left',
  run: async ({ arguments: { fingerprint: wanted }, options }, cli) => {
    const fingerprint = readFingerprint(wanted, options.all);
    if (!options.yes && !(await hasConsent(cli, fingerprint))) {
      cli.say('nothing was changed');
      return errorCodes.interrupted.exitStatus;
    }
    const force = options.force?.split(',').filter((name) => name !== '') ?? [];
    const store = await cli.services.openOwnKeys();
    const { done, undone, deleted } = await revokeKey(cli.context, store, { fingerprint, force });
    const fingerprints = deleted.map((key) => key.fingerprint);
    if (cli.flags.json)
      cli.printJson({ version: 1, done, undone: undone.map(undoneToJson), deleted: fingerprints });
    else for (const name of done) cli.print(`${name} does not let it in any more`);
    if (undone.length > 0) throw new SeveralErrors(undone);
    for (const one of fingerprints) cli.say(`deleted ${one}`);
    return 0;
  },
});

function readFingerprint(wanted: string | undefined, all: boolean): string {
  if (all !== (wanted === undefined))
    throw new SpuffError('usage', 'say which key, or --all', { hints: ['see them: spuff key list'] });
  if (wanted === undefined) return 'all';
  if (/^SHA256:[A-Za-z0-9+/]{43}$/.test(wanted)) return wanted;
  throw new SpuffError('usage', `${JSON.stringify(wanted)} is not the fingerprint of a key`, {
    hints: ['write it as it is listed, SHA256 and 43 characters: spuff key list'],
  });
}

/** @throws SpuffError `usage` when there is nobody to ask */
async function hasConsent(cli: Cli, fingerprint: string): Promise<boolean> {
  const what = fingerprint === 'all' ? "every key of spuff's own" : fingerprint;
  if (cli.canAsk)
    return cli.services.questions.confirm(`Take ${what} away from every machine, and delete it?`, false);
  throw new SpuffError('usage', 'nobody is there to ask whether the key is to be deleted', {
    hints: ['add --yes'],
  });
}
