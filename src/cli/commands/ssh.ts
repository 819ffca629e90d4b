import { findReadyInstance } from '../../app/find-instance.ts';
import { defineCommand } from '../command.ts';
import { openShell } from '../open-shell.ts';
import { flag, instanceArgument } from '../parameters.ts';

export const ssh = defineCommand({
  name: 'ssh',
  summary: 'open a session on an instance',
  details: [
    'What stands after -- goes to ssh: options such as -L 8080:localhost:8080, then perhaps a ' +
      'command and its arguments, which arrive as they are. Options that change whom ssh talks to or ' +
      'trusts, or what it lends, are refused (-o StrictHostKeyChecking, -J, -A and others).',
    'In a project with a devcontainer.json the shell and the command are in its container; --host reaches the machine.',
    "The exit status is that of ssh: the shell's own, 255 when the connection failed or broke.",
  ],
  arguments: { name: instanceArgument },
  options: { host: flag('on the machine itself, where the project has a dev container') },
  rest: { placeholder: 'ARGS...', about: 'options for ssh, and perhaps a command', required: false },
  examples: [
    { command: 'spuff ssh', about: 'a shell on the instance of this directory' },
    { command: 'spuff ssh demo', about: 'a shell on demo' },
    {
      command: 'spuff ssh demo -- -L 8080:localhost:8080',
      about: 'a shell, and port 8080 of demo at localhost:8080',
    },
    { command: 'spuff ssh demo --host', about: 'a shell on the machine, not in its dev container' },
    { command: 'spuff ssh demo -- -N -D 1080', about: 'a SOCKS proxy through demo, and no shell' },
  ],
  run: async ({ arguments: { name }, options: { host }, rest }, cli) => {
    const instance = await findReadyInstance(cli.context, name);
    return openShell(cli, instance, { sshArgs: rest ?? [], host });
  },
});
