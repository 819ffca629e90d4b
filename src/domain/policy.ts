/**
 * Rules for everybody on a computer or in a repository, over whatever settings and flags say. All rules of all files hold, so
 * the stricter of two wins whatever their order, and no file can loosen another. Pure.
 */
import { formatDuration } from './duration.ts';
import { type ConfirmMode, confirmModes } from './guard.ts';
import { formatMoney, type MoneyLimit } from './money.ts';
import type { forwardAgentModes } from './settings.ts';

/** From the loosest to the strictest: no network that is as good as everybody; single addresses alone. */
export const firewallRules = ['no-open', 'my-ip'] as const;
/** From the loosest to the strictest; `raw` needs no rule. */
export const forwardAgentRules = ['guard', 'none'] as const;
export type ForwardAgent = (typeof forwardAgentModes)[number];

interface Values {
  /** Names. */
  providers: readonly string[];
  /** Patterns with `*` and `?`; for providers that cost something. */
  regions: readonly string[];
  sizes: readonly string[];
  /** From its making to its end, ms. */
  max_lifetime: number;
  /** How long a machine may stay on without use, ms. */
  idle_timeout: number;
  firewall: (typeof firewallRules)[number];
  forward_agent: (typeof forwardAgentRules)[number];
  /** At least. */
  confirm: ConfirmMode;
  tailscale: 'required';
  monthly_budget: readonly MoneyLimit[];
}
export type PolicyRuleName = keyof Values;

export type PolicyRule = {
  [Name in PolicyRuleName]: {
    name: Name;
    value: Values[Name] /** `/etc/spuff/policy.yaml:4:1` */;
    where: string;
  };
}[PolicyRuleName];

export const policyRuleNames = [
  'providers',
  'regions',
  'sizes',
  'max_lifetime',
  'idle_timeout',
  'firewall',
  'forward_agent',
  'confirm',
  'tailscale',
  'monthly_budget',
] as const satisfies readonly PolicyRuleName[];

/** What is about to be done, as far as it is decided; what is missing is not checked. */
export interface Decisions {
  provider?: string;
  /** false: nothing is billed, so regions and sizes are names of this computer's own. */
  isBilled?: boolean;
  /** All that may be tried. */
  regions?: readonly string[];
  size?: string;
  /** null: without an end. */
  lifetimeMs?: number | null;
  /** null: it never goes for want of use. */
  idleTimeoutMs?: number | null;
  /** Networks that may reach port 22, in CIDR notation; null: everybody. */
  allowSshFrom?: readonly string[] | null;
  forwardAgent?: ForwardAgent;
  hasTailnet?: boolean;
}

export interface Breach {
  rule: PolicyRule;
  /** Without the place. */
  message: string;
  hint: string;
}

/** Every rule that does not hold, in the order of the rules. */
export function findBreaches(rules: readonly PolicyRule[], decisions: Decisions): Breach[] {
  return rules.flatMap((rule) => {
    const found = judge(rule, decisions);
    return found === null ? [] : [{ rule, ...found }];
  });
}

type Judgement = Omit<Breach, 'rule'> | null;

/** Ends are whole seconds, rounded up. */
const toleranceMs = 1_000;

function judge(rule: PolicyRule, decisions: Decisions): Judgement {
  const { provider, regions, size, isBilled = true, lifetimeMs, idleTimeoutMs } = decisions;
  switch (rule.name) {
    case 'providers':
      return judgeNames(rule.value, provider === undefined ? [] : [provider]);
    case 'regions':
      return judgeNames(rule.value, isBilled ? (regions ?? []) : []);
    case 'sizes':
      return judgeNames(rule.value, isBilled && size !== undefined ? [size] : []);
    case 'max_lifetime':
      return judgeTime(rule.value + toleranceMs, lifetimeMs, rule.value, 'a life');
    case 'idle_timeout':
      return judgeTime(rule.value, idleTimeoutMs, rule.value, 'staying on unused');
    case 'firewall':
      return judgeNetworks(rule.value, decisions.allowSshFrom);
    case 'forward_agent':
      return judgeLending(rule.value, decisions.forwardAgent);
    case 'tailscale':
      return decisions.hasTailnet === false
        ? {
            message: 'machines must be in a tailnet',
            hint: 'put them into yours: spuff config set tailscale on',
          }
        : null;
    // Held by the guard and by the budget, which know more.
    case 'confirm':
    case 'monthly_budget':
      return null;
  }
}

function judgeNames(allowed: readonly string[], wanted: readonly string[]): Judgement {
  const refused = wanted.filter((name) => !allowed.some((pattern) => matchesPattern(pattern, name)));
  if (refused.length === 0) return null;
  const hint = allowed.length === 0 ? 'nothing is allowed' : `allowed: ${allowed.join(', ')}`;
  return { message: `${refused.join(', ')} is not allowed`, hint };
}

/** `*` is any text, `?` one character; everything else stands for itself. */
export function matchesPattern(pattern: string, name: string): boolean {
  const source = pattern
    .replaceAll(/[\\^$.+()[\]{}|]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(name);
}

function judgeTime(mostMs: number, ms: number | null | undefined, ruleMs: number, what: string): Judgement {
  if (ms === undefined || (ms !== null && ms <= mostMs)) return null;
  const how = ms === null ? `${what} without an end` : `${what} of ${formatDuration(ms)}`;
  return { message: `${how} is not allowed`, hint: `at most: ${formatDuration(ruleMs)}` };
}

/** Networks that hold more than one of this length does are as good as everybody: together, so that two halves are one whole. */
const widestPrefix = { v4: 8, v6: 20 };

function judgeNetworks(rule: Values['firewall'], networks: readonly string[] | null | undefined): Judgement {
  if (networks === undefined) return null;
  const hint =
    rule === 'my-ip' ? 'let in single addresses: my-ip' : 'let in my-ip, or networks that you know';
  if (networks === null) return { message: 'SSH from everywhere is not allowed', hint };
  const refused = rule === 'my-ip' ? networks.filter((network) => sizeBits(network) > 0) : findOpen(networks);
  return refused.length === 0 ? null : { message: `SSH from ${refused.join(', ')} is not allowed`, hint };
}

function findOpen(networks: readonly string[]): string[] {
  return (['v4', 'v6'] as const).flatMap((version) => {
    const own = networks.filter((network) => network.includes(':') === (version === 'v6'));
    const sum = own.reduce((count, network) => count + 2 ** sizeBits(network), 0);
    return sum > 2 ** (totalBits(version === 'v6') - widestPrefix[version]) ? own : [];
  });
}

function totalBits(isV6: boolean): number {
  return isV6 ? 128 : 32;
}

/** 0 for one address. */
function sizeBits(network: string): number {
  const bits = totalBits(network.includes(':'));
  return bits - Number(network.split('/')[1] ?? bits);
}

function judgeLending(rule: Values['forward_agent'], mode: ForwardAgent | undefined): Judgement {
  const allowed: readonly ForwardAgent[] = rule === 'none' ? ['none'] : ['guard', 'none'];
  if (mode === undefined || allowed.includes(mode)) return null;
  return {
    message: `${mode} is not allowed`,
    hint: `change it: spuff config set forward_agent ${allowed[0]}`,
  };
}

/** How often the person has to be asked before a signature, at least; null: the policy does not say. */
export function confirmOf(rules: readonly PolicyRule[]): ConfirmMode | null {
  const modes = rules.flatMap((rule) => (rule.name === 'confirm' ? [rule.value] : []));
  return modes.sort((a, b) => confirmModes.indexOf(b) - confirmModes.indexOf(a))[0] ?? null;
}

/** The least limit of each currency, and where it stands. */
export function budgetsOf(rules: readonly PolicyRule[]): { limit: MoneyLimit; where: string }[] {
  const least = new Map<string, { limit: MoneyLimit; where: string }>();
  for (const rule of rules) {
    if (rule.name !== 'monthly_budget') continue;
    for (const limit of rule.value) {
      const known = least.get(limit.currency);
      if (!known || Number(limit.amount) < Number(known.limit.amount))
        least.set(limit.currency, { limit, where: rule.where });
    }
  }
  return [...least.values()];
}

/** Whether a rule decides anything: of two that say how much at most, only the stricter one does. Lists all do. */
export function countsAmong(rule: PolicyRule, rules: readonly PolicyRule[]): boolean {
  const same = rules.filter(({ name }) => name === rule.name);
  const best = (of: (one: PolicyRule) => number) =>
    same.findIndex((one) => of(one) === Math.min(...same.map(of))) === same.indexOf(rule);
  switch (rule.name) {
    case 'providers':
    case 'regions':
    case 'sizes':
      return true;
    case 'max_lifetime':
    case 'idle_timeout':
      return best(({ value }) => Number(value));
    case 'firewall':
      return best(({ value }) => -firewallRules.indexOf(value as never));
    case 'forward_agent':
      return best(({ value }) => -forwardAgentRules.indexOf(value as never));
    case 'confirm':
      return best(({ value }) => -confirmModes.indexOf(value as never));
    case 'tailscale':
      return same.indexOf(rule) === 0;
    case 'monthly_budget':
      return budgetsOf(rules).some(({ where }) => where === rule.where);
  }
}

/** What a rule says, as it is written in a file. */
export function describeRule(rule: PolicyRule): string {
  switch (rule.name) {
    case 'max_lifetime':
    case 'idle_timeout':
      return formatDuration(rule.value).replaceAll(' ', '');
    case 'monthly_budget':
      return rule.value.map((limit) => formatMoney({ ...limit, basis: 'unspecified' })).join(', ');
    case 'providers':
    case 'regions':
    case 'sizes':
      return rule.value.length === 0 ? 'none' : rule.value.join(', ');
    default:
      return rule.value;
  }
}
