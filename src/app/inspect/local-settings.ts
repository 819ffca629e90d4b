/** Settings that are looser than they need be, machines that cost, and the record of what was done. */
import type { Inspection, Seen } from '../../domain/inspection.ts';
import type { Instance } from '../../domain/instance.ts';
import { checkPolicy } from '../check-policy.ts';
import type { LocalContext } from './local-context.ts';
import { asSeen } from './local-files.ts';

export const localSettingInspections: readonly Inspection<LocalContext>[] = [
  {
    ...{ control: 'V3', slug: 'firewall-setting', place: 'local', severity: 'medium' },
    title: 'new machines let your own address in, and not everybody',
    why: 'a fault in sshd is anybody’s who reaches it',
    run: async ({ context }) =>
      (await context.settings()).firewall === 'open'
        ? [{ what: 'the setting firewall is open', mend: 'spuff config set firewall my-ip' }]
        : [],
  },
  {
    ...{ control: 'F2', slug: 'raw-agent', place: 'local', severity: 'high' },
    title: 'sessions lend a guard, or nothing',
    why: 'with raw, root on a machine can use every key of your agent at every host while a session is open',
    run: async ({ context }) =>
      (await context.settings()).forwardAgent === 'raw'
        ? [{ what: 'the setting forward_agent is raw', mend: 'spuff config set forward_agent guard' }]
        : [],
  },
  {
    ...{ control: 'P4', slug: 'allowed-regions', place: 'local', severity: 'low' },
    title: 'the regions that machines may be in are said',
    why: 'a typing error puts code and data where they may not be',
    run: async ({ context }) => {
      const { provider, allowedRegions } = await context.settings();
      if ((await context.provider(provider)).caps.billing === null)
        return { skipped: 'machines are on this computer' };
      return allowedRegions === null
        ? [{ what: 'allowed_regions is not set', mend: 'spuff config set allowed_regions fra1,ams3' }]
        : [];
    },
  },
  {
    ...{ control: 'P4', slug: 'policy', place: 'local', severity: 'high' },
    title: 'settings and instances keep to the policies that hold here',
    why: 'who wrote them relies on that',
    run: async ({ context }) => {
      const wrong = await asSeen(async () => void (await context.policy(context.directory)));
      if (wrong.length > 0) return wrong;
      return (await checkPolicy(context)).map(({ subject, message, hint, rule }) => ({
        what: `${subject}: ${message} (${rule.where})`,
        mend: hint,
      }));
    },
  },
  {
    ...{ control: 'W1', slug: 'tls-off', place: 'local', severity: 'high' },
    title: 'no variable switches the proof of servers off',
    why: 'anybody in between could read your token',
    run: async ({ env }) =>
      env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0'
        ? [{ what: 'NODE_TLS_REJECT_UNAUTHORIZED is 0', mend: 'unset NODE_TLS_REJECT_UNAUTHORIZED' }]
        : [],
  },
  {
    ...{ control: 'L1', slug: 'leases', place: 'local', severity: 'medium' },
    title: 'every machine ends by itself, and none is off and costs on',
    why: 'it costs money that nobody thinks of, and is one more door',
    run: async ({ context }) => {
      const nowMs = context.runtime.now();
      return (await context.state()).listInstances().flatMap((instance) => findLoose(instance, nowMs));
    },
  },
  {
    ...{ control: 'P3', slug: 'log', place: 'local', severity: 'high' },
    title: 'the local log is whole',
    why: 'a changed line hides what was done with your keys and your account',
    run: async ({ context }) =>
      context.audit.verify().findings.map(({ file, line, problem }) => ({
        what: `${file}${line === null ? '' : `:${line}`}: ${problem}`,
        mend: 'find out what changed it: spuff log verify',
      })),
  },
];

function findLoose(instance: Instance, nowMs: number): Seen[] {
  const { name, expiresAt, idleTimeoutMs, vmState, phase } = instance;
  if (phase !== 'ready')
    return [
      { what: `${name} is half ${phase === 'creating' ? 'made' : 'destroyed'}`, mend: `spuff down ${name}` },
    ];
  if (expiresAt !== null && expiresAt.getTime() < nowMs)
    return [{ what: `the lease of ${name} is over`, mend: 'spuff reap' }];
  const seen: Seen[] = [];
  if (vmState?.state === 'stopped') seen.push({ what: `${name} is off`, mend: 'spuff reap' });
  if (expiresAt === null) seen.push({ what: `${name} has no end`, mend: `spuff extend ${name} 8h` });
  else if (idleTimeoutMs === null)
    seen.push({ what: `${name} does not switch itself off when idle`, mend: `spuff down ${name}` });
  return seen;
}
