import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  budgetsOf,
  confirmOf,
  countsAmong,
  type Decisions,
  describeRule,
  findBreaches,
  matchesPattern,
  type PolicyRule,
} from './policy.ts';

const hourMs = 3_600_000;
const where = 'policy.yaml:1:1';
const at = (rule: object): PolicyRule => ({ where, ...rule }) as PolicyRule;
const names = (rules: readonly PolicyRule[], decisions: Decisions) =>
  findBreaches(rules, decisions).map(({ rule }) => rule.name);

describe('a rule', () => {
  it.each<[object, Decisions, boolean]>([
    [{ name: 'providers', value: ['aws'] }, { provider: 'aws' }, true],
    [{ name: 'providers', value: ['aws'] }, { provider: 'hetzner' }, false],
    [{ name: 'providers', value: [] }, { provider: 'aws' }, false],
    [{ name: 'regions', value: ['eu-*'] }, { regions: ['eu-west-1', 'eu-north-1'] }, true],
    [{ name: 'regions', value: ['eu-*'] }, { regions: ['eu-west-1', 'us-east-1'] }, false],
    [{ name: 'regions', value: ['eu-*'] }, { regions: ['here'], isBilled: false }, true],
    [{ name: 'sizes', value: ['cx?2'] }, { size: 'cx22' }, true],
    [{ name: 'sizes', value: ['cx?2'] }, { size: 'ccx22' }, false],
    [{ name: 'max_lifetime', value: hourMs }, { lifetimeMs: hourMs }, true],
    [{ name: 'max_lifetime', value: hourMs }, { lifetimeMs: hourMs + 60_000 }, false],
    [{ name: 'max_lifetime', value: hourMs }, { lifetimeMs: null }, false],
    [{ name: 'idle_timeout', value: hourMs }, { idleTimeoutMs: hourMs }, true],
    [{ name: 'idle_timeout', value: hourMs }, { idleTimeoutMs: hourMs + 1 }, false],
    [{ name: 'idle_timeout', value: hourMs }, { idleTimeoutMs: null }, false],
    [{ name: 'firewall', value: 'my-ip' }, { allowSshFrom: ['192.0.2.1/32', '2001:db8::1/128'] }, true],
    [{ name: 'firewall', value: 'my-ip' }, { allowSshFrom: ['192.0.2.0/31'] }, false],
    [{ name: 'firewall', value: 'my-ip' }, { allowSshFrom: ['2001:db8::/64'] }, false],
    [{ name: 'firewall', value: 'my-ip' }, { allowSshFrom: null }, false],
    [{ name: 'firewall', value: 'no-open' }, { allowSshFrom: ['192.0.2.0/24', '2001:db8::/32'] }, true],
    [{ name: 'firewall', value: 'no-open' }, { allowSshFrom: [] }, true],
    [{ name: 'firewall', value: 'no-open' }, { allowSshFrom: null }, false],
    [{ name: 'firewall', value: 'no-open' }, { allowSshFrom: ['0.0.0.0/0'] }, false],
    [{ name: 'firewall', value: 'no-open' }, { allowSshFrom: ['::/0'] }, false],
    [{ name: 'forward_agent', value: 'guard' }, { forwardAgent: 'guard' }, true],
    [{ name: 'forward_agent', value: 'guard' }, { forwardAgent: 'raw' }, false],
    [{ name: 'forward_agent', value: 'none' }, { forwardAgent: 'guard' }, false],
    [{ name: 'forward_agent', value: 'none' }, { forwardAgent: 'none' }, true],
    [{ name: 'tailscale', value: 'required' }, { hasTailnet: false }, false],
    [{ name: 'tailscale', value: 'required' }, { hasTailnet: true }, true],
  ])('%j with %j: %j', (rule, decisions, isAllowed) => {
    expect(names([at(rule)], decisions)).toHaveLength(isAllowed ? 0 : 1);
    // What is not decided yet is not refused.
    expect(names([at(rule)], {})).toEqual([]);
  });

  it('finds everybody in pieces', () => {
    const rule = at({ name: 'firewall', value: 'no-open' });
    const pieces = Array.from({ length: 256 }, (_, first) => `${first}.0.0.0/8`);
    expect(names([rule], { allowSshFrom: pieces })).toEqual(['firewall']);
    expect(names([rule], { allowSshFrom: ['0.0.0.0/1', '128.0.0.0/1'] })).toEqual(['firewall']);
    expect(names([rule], { allowSshFrom: pieces.slice(0, 1) })).toEqual([]);
  });

  it('is matched as a whole, and its signs mean themselves', () => {
    expect(matchesPattern('a.b', 'axb')).toBe(false);
    expect(matchesPattern('t3.*', 't3.micro')).toBe(true);
    expect(matchesPattern('t3', 't3.micro')).toBe(false);
    const any = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(any, (text) => {
        expect(matchesPattern(text.replaceAll(/[*?]/g, ''), text)).toBe(!/[*?]/.test(text));
        expect(matchesPattern('*', text)).toBe(true);
      }),
    );
  });
});

describe('several rules', () => {
  const few = (values: readonly string[]) => fc.subarray([...values]);
  const rule = fc.oneof(
    fc.record({ name: fc.constant('providers'), value: few(['a', 'b', 'c']) }),
    fc.record({ name: fc.constant('regions'), value: few(['eu-*', 'us-1', '?']) }),
    fc.record({ name: fc.constant('sizes'), value: few(['s*', 'big']) }),
    fc.record({
      name: fc.constantFrom('max_lifetime', 'idle_timeout'),
      value: fc.integer({ min: 1, max: 9 }).map((h) => h * hourMs),
    }),
    fc.record({ name: fc.constant('firewall'), value: fc.constantFrom('no-open', 'my-ip') }),
    fc.record({ name: fc.constant('forward_agent'), value: fc.constantFrom('guard', 'none') }),
    fc.record({ name: fc.constant('confirm'), value: fc.constantFrom('never', 'first-use', 'always') }),
  );
  const rules = fc.array(rule, { maxLength: 6 }).map((some) => some.map(at));
  const hours = fc.option(
    fc.integer({ min: 1, max: 9 }).map((h) => h * hourMs),
    { nil: null },
  );
  const decisions = fc.record({
    provider: fc.constantFrom('a', 'b', 'd'),
    regions: fc.subarray(['eu-1', 'us-1', 'us-2'], { minLength: 1 }),
    size: fc.constantFrom('small', 'big', 'other'),
    lifetimeMs: hours,
    idleTimeoutMs: hours,
    allowSshFrom: fc.option(fc.subarray(['192.0.2.1/32', '192.0.2.0/24', '0.0.0.0/0']), { nil: null }),
    forwardAgent: fc.constantFrom('raw', 'guard', 'none'),
  });
  const isAllowed = (some: readonly PolicyRule[], what: Decisions) => findBreaches(some, what).length === 0;

  it('allow what each allows, in any order: none can loosen another', () => {
    fc.assert(
      fc.property(rules, rules, decisions, (one, other, what) => {
        const both = isAllowed(one, what) && isAllowed(other, what);
        expect(isAllowed([...one, ...other], what)).toBe(both);
        expect(isAllowed([...other, ...one], what)).toBe(both);
        expect(confirmOf([...one, ...other])).toBe(confirmOf([...other, ...one]));
      }),
      { numRuns: 2_000 },
    );
  });

  it('decide by those that are said to count', () => {
    fc.assert(
      fc.property(rules, decisions, (some, what) => {
        const counting = some.filter((one) => countsAmong(one, some));
        expect(isAllowed(counting, what)).toBe(isAllowed(some, what));
        expect(confirmOf(counting)).toBe(confirmOf(some));
      }),
      { numRuns: 2_000 },
    );
  });

  it('have the least budget of each currency, and the strictest question', () => {
    const limits = (where: string, ...value: string[]) => ({
      ...{ name: 'monthly_budget', where },
      value: value.map((text) => ({ amount: text.slice(0, -3), currency: text.slice(-3) })),
    });
    const some = [limits('a', '500EUR', '20USD'), limits('b', '90EUR')].map(at);
    expect(budgetsOf(some)).toEqual([
      { limit: { amount: '90', currency: 'EUR' }, where: 'b' },
      { limit: { amount: '20', currency: 'USD' }, where: 'a' },
    ]);
    expect(some.map(describeRule)).toEqual(['500.00 EUR, 20.00 USD', '90.00 EUR']);
    expect(
      confirmOf([at({ name: 'confirm', value: 'always' }), at({ name: 'confirm', value: 'never' })]),
    ).toBe('always');
    expect(confirmOf([])).toBe(null);
  });
});
