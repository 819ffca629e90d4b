import type { ConfigStore } from '../../app/config-store.ts';
import { makeOwnKey } from '../../app/own-keys.ts';
import { parseDurationMs } from '../../domain/duration.ts';
import { SpuffError } from '../../domain/errors.ts';
import { checkUserName } from '../../domain/names.ts';
import type { Cli } from '../cli.ts';
import { defineCommand } from '../command.ts';
import { flag } from '../parameters.ts';
import { oneLine } from '../render/text.ts';

export const init = defineCommand({
  name: 'init',
  summary: 'set spuff up on this machine',
  details: [
    'Asks where machines are made, who logs in on them and how long they live, and writes the settings. When you have ' +
      'no SSH key it has ssh-keygen make one for spuff alone. It never asks for a token: those come from the ' +
      'environment. What is set already stays what it is, unless you answer otherwise.',
    'With --project it begins spuff.yaml in this directory instead, with a bundle for each language that it finds and the ' +
      'compose file, puts the JSON Schema of it beside, and has git ignore spuff.secrets.yaml. A file that is there stays.',
  ],
  arguments: {},
  options: {
    yes: flag('ask nothing, take the defaults; a new SSH key gets no passphrase', { short: 'y' }),
    project: flag('begin spuff.yaml for the project in this directory'),
  },
  examples: [
    { command: 'spuff init', about: 'answer a few questions' },
    { command: 'spuff init --yes', about: 'take the defaults, for scripts' },
    { command: 'spuff init --project', about: 'a spuff.yaml for what is in this directory' },
  ],
  run: async ({ options }, cli) => {
    if (options.project) return beginProject(cli);
    if (!options.yes && !cli.canAsk) {
      throw new SpuffError('usage', 'nobody is there to answer questions', {
        hints: ['take the defaults: spuff init --yes'],
      });
    }
    const store = await cli.services.openConfig();
    store.read();
    store.ensureFile();
    if (!options.yes) await askSettings(cli, store);
    await ensureKey(cli, options.yes);
    cli.print(`settings: ${store.path}`);
    cli.say('check everything: spuff doctor   make a machine: spuff up');
  },
});

async function beginProject(cli: Cli): Promise<void> {
  const { initProject } = await import('../../app/init-project.ts');
  const { path, schemaPath, ignorePath, found } = await initProject(cli.context);
  cli.print(oneLine(`made ${path}`));
  const bundles = found.bundles.map(({ name, because }) => `${name} (${because})`);
  if (found.composeFile !== null) bundles.push(`services (${found.composeFile})`);
  cli.say(bundles.length === 0 ? 'found nothing that tells a language' : `found: ${bundles.join(', ')}`);
  cli.say(oneLine(`for your editor: ${schemaPath}`));
  if (ignorePath !== null) cli.say(oneLine(`git ignores spuff.secrets.yaml: ${ignorePath}`));
  cli.say('check it: spuff validate   make the machine: spuff up');
}

async function askSettings(cli: Cli, store: ConfigStore): Promise<void> {
  const { questions, providerIds } = cli.services;
  const written = store.read();
  const current = (name: string) =>
    written.get(name) ?? store.keys.find((key) => key.name === name)?.default ?? '';
  const answers: Record<string, string> = {};
  if (providerIds.length > 1) {
    const choices = providerIds.map((id) => ({ value: id, label: id }));
    answers['provider'] = await questions.select('Where are machines made?', choices, current('provider'));
  }
  answers['user'] = await questions.text('Who logs in on them?', {
    initial: current('user'),
    check: checkUserName,
  });
  answers['max_lifetime'] = await questions.text('How long does a machine live at most? (8h, 1d, off)', {
    initial: current('max_lifetime'),
    check: checkDuration,
  });
  answers['idle_timeout'] = await questions.text(
    'After how long without use does it power off? (30m, 2h, off)',
    {
      initial: current('idle_timeout'),
      check: checkDuration,
    },
  );
  const changed = Object.entries(answers).filter(([name, answer]) => answer !== current(name));
  if (changed.length > 0) store.set(Object.fromEntries(changed));
}

function checkDuration(text: string): void {
  if (text !== 'off') parseDurationMs(text, 'this');
}

/** A key of the user's own is always preferred; only where there is none one is made. */
async function ensureKey(cli: Cli, yes: boolean): Promise<void> {
  const [ssh, settings] = [await cli.context.ssh(), await cli.context.settings()];
  try {
    const { publicKeyPath, publicKeys, notes } = await ssh.findLoginKeys(settings.sshKey);
    cli.say(`ssh key: ${publicKeyPath ?? `${publicKeys.length} of your ssh-agent`}`);
    for (const note of notes) cli.context.progress.warn(note);
    return;
  } catch (error) {
    const mayMake = error instanceof SpuffError && error.code === 'config' && settings.sshKey === null;
    if (!mayMake) throw error;
  }
  const makes =
    yes || (await cli.services.questions.confirm('You have no SSH key. Make one for spuff alone?', true));
  if (!makes) {
    cli.say('make one before spuff up: ssh-keygen -t ed25519');
    return;
  }
  const store = await cli.services.openOwnKeys();
  const key = await makeOwnKey(cli.context, store, { storage: 'disk', passphrase: yes ? 'none' : 'prompt' });
  cli.say(`ssh key: ${key.publicPath}, made for spuff`);
}
