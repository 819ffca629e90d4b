import { errorCodes, SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { flag, manyArguments } from '../parameters.ts';
import { rescueToJson } from '../render/rescue.ts';

export const rescuedRm = defineCommand({
  name: 'rescued rm',
  summary: 'delete rescues from this computer',
  details: ['By their whole names: what is deleted may be all that there is of that work.'],
  arguments: {
    names: manyArguments('RESCUE', 'the rescues', { complete: 'rescues' }),
  },
  options: {
    all: flag('every rescue; it asks, and where it cannot ask, that takes --force', { short: 'a' }),
    force: flag('do not ask', { short: 'f' }),
  },
  examples: [
    { command: 'spuff rescued rm demo-20261128-053000', about: 'delete one' },
    { command: 'spuff rescued rm --all --force', about: 'delete all without a question' },
  ],
  json: 'rescues',
  run: async ({ arguments: { names }, options }, cli) => {
    const store = await cli.context.rescues();
    const known = store.list();
    if (options.all === names.length > 0)
      throw new SpuffError('usage', 'say which rescues: their names, or --all', {
        hints: ['see them: spuff rescued list'],
      });
    const unknown = names.filter((name) => !known.some((one) => one.name === name));
    if (unknown.length > 0)
      throw new SpuffError('not-found', `there is no rescue ${unknown.join(', ')}`, {
        hints: ['see them: spuff rescued list'],
      });
    const chosen = options.all ? known : known.filter(({ name }) => names.includes(name));
    if (options.all && !options.force && chosen.length > 0) {
      if (!cli.canAsk)
        throw new SpuffError(
          'usage',
          `not sure that you mean all ${chosen.length}, and nobody is there to ask`,
          {
            hints: ['name them, or add --force'],
          },
        );
      if (!(await cli.services.questions.confirm(`Delete all ${chosen.length} rescues?`, false))) {
        cli.say('nothing was deleted');
        return errorCodes.interrupted.exitStatus;
      }
    }
    for (const one of chosen) store.remove(one);
    if (cli.flags.json) cli.printJson({ version: 1, rescues: chosen.map(rescueToJson) });
    return 0;
  },
});
