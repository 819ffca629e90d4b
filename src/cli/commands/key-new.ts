import { makeOwnKey } from '../../app/own-keys.ts';
import { defineCommand } from '../command.ts';
import { duration, negated } from '../parameters.ts';
import { chooseNewKey, newKeyToJson } from '../render/key.ts';

export const keyNew = defineCommand({
  name: 'key new',
  summary: 'make a login key for spuff alone, on this computer',
  details: [
    'ssh-keygen makes an ed25519 key in the keys folder of the home and asks for its passphrase, which spuff never ' +
      'knows. With --lifetime the private half is never on a disk: it is made in memory, given to ssh-agent for that ' +
      'time and removed.',
    'New machines let this key in, and no other. Machines that are there already keep the key that they have. When ' +
      'a key that lives in ssh-agent has come to its end, nobody logs in with it: rotate it before.',
  ],
  arguments: {},
  options: {
    lifetime: duration('keep it in ssh-agent alone, for so long: 8h'),
    passphrase: negated('whoever copies the file can log in; for scripts'),
  },
  examples: [
    { command: 'spuff key new', about: 'on disk, closed by a passphrase' },
    { command: 'spuff key new --lifetime 8h', about: 'in ssh-agent, for a working day' },
  ],
  json: 'key',
  run: async ({ options }, cli) => {
    const request = chooseNewKey(cli, options);
    const key = await makeOwnKey(cli.context, await cli.services.openOwnKeys(), request);
    if (cli.flags.json) cli.printJson({ version: 1, key: newKeyToJson(key) });
    else cli.print(`${key.fingerprint} ${key.publicPath}`);
    cli.say('machines to come let it in; see it: spuff key list');
  },
});
