import { rotateOwnKey } from '../../app/rotate-key.ts';
import { defineCommand } from '../command.ts';
import { duration, negated } from '../parameters.ts';
import { chooseKeyLike, newKeyToJson, undoneToJson } from '../render/key.ts';
import { SeveralErrors } from '../several-errors.ts';

export const keyRotate = defineCommand({
  name: 'key rotate',
  summary: "put a new key in the place of spuff's own, on every machine",
  details: [
    'On each machine the new key is let in by the old one, has to open the machine by itself on a connection of its own, ' +
      'and only then is the old one taken away. When all machines are done, and the new one has taken the place of the ' +
      'old one at their providers, the old key is deleted.',
    'A machine that cannot be reached, or is off, keeps the old key, and so does this computer: the command names ' +
      'it, ends with an error, and goes on when it is run again. The same holds for a run that was cut off.',
    'The new key is kept where the old one was, and as long, unless --lifetime says otherwise.',
  ],
  arguments: {},
  options: {
    lifetime: duration('keep the new key in ssh-agent alone, for so long: 8h'),
    passphrase: negated('whoever copies the file can log in; for scripts'),
  },
  examples: [
    { command: 'spuff key rotate', about: 'on every machine, one after the other' },
    { command: 'spuff key rotate --lifetime 8h', about: 'and keep the new one in ssh-agent alone' },
  ],
  json: 'key-rotation',
  onStop: 'stopping; every machine can be logged in to, and the same command goes on',
  run: async ({ options }, cli) => {
    const store = await cli.services.openOwnKeys();
    const report = await rotateOwnKey(cli.context, store, (current) => chooseKeyLike(cli, current, options));
    const { key, resumed, done, undone, retired } = report;
    if (cli.flags.json) {
      cli.printJson({
        version: 1,
        key: newKeyToJson(key),
        resumed,
        done,
        undone: undone.map(undoneToJson),
        retired: retired.map(({ fingerprint }) => fingerprint),
      });
    } else {
      cli.print(`${key.fingerprint} ${key.publicPath}`);
    }
    if (undone.length > 0) {
      cli.say('the old key is kept, and still opens what is not done; go on with: spuff key rotate');
      throw new SeveralErrors(undone);
    }
    for (const { fingerprint } of retired) cli.say(`deleted the old key ${fingerprint}`);
    return 0;
  },
});
