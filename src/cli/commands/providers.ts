import { type ListedProvider, listProviders } from '../../app/list-providers.ts';
import { SpuffError } from '../../domain/errors.ts';
import { defineCommand } from '../command.ts';
import { formatTable } from '../render/text.ts';

export const providers = defineCommand({
  name: 'providers',
  summary: 'list the providers, and whether they let you in',
  details: [
    'Each provider that there is a token for is asked for your account and what the token may do. Nothing is changed ' +
      'anywhere.',
  ],
  arguments: {},
  options: {},
  examples: [
    { command: 'spuff providers', about: 'where machines can be made' },
    { command: 'spuff providers --json', about: 'the same for a program' },
  ],
  json: 'providers',
  run: async (_input, cli) => {
    const listed = await listProviders(cli.context, cli.services.providerIds);
    if (cli.flags.json) {
      cli.printJson({ version: 1, providers: listed.map(toJson) });
      return;
    }
    const rows = listed.map((provider) => [
      provider.id + (provider.isDefault ? ' *' : ''),
      ...describeAccess(provider.access),
    ]);
    cli.print(formatTable(rows, { header: ['PROVIDER', 'ACCESS', 'MACHINES', 'ACCOUNT'], paint: cli.paint }));
    const { access } = listed.find(({ isDefault }) => isDefault) ?? {};
    for (const hint of access instanceof SpuffError ? access.hints : []) cli.say(hint);
  },
});

function describeAccess(access: ListedProvider['access']): string[] {
  if (access instanceof SpuffError) return [access.code === 'auth' ? 'no' : 'not known', '', access.message];
  const { vms } = access.quota;
  return [
    access.missing.length === 0 ? 'yes' : `missing: ${access.missing.join(' ')}`,
    vms === undefined ? '' : `${vms.used} of ${vms.limit}`,
    access.account,
  ];
}

function toJson({ id, isDefault, access }: ListedProvider): object {
  if (access instanceof SpuffError)
    return { id, isDefault, access: { ok: false, error: { code: access.code, message: access.message } } };
  const { account, missing, quota } = access;
  return { id, isDefault, access: { ok: true, value: { account, missing, machines: quota.vms ?? null } } };
}
