/** What machines have cost and may yet cost, in any stretch of time. Pure: it is given what there is to know. */
import type { InstanceKey } from './ids.ts';
import type { Instance } from './instance.ts';
import { addMoney, costOf, subtractMoney, type Tariff } from './money.ts';
import type { Money, ProviderId } from './provider.ts';
import type { Receipt } from './receipt.ts';
import { endSlackMs } from './spend-limit.ts';
import { assumeEnd } from './unseen-end.ts';

/** The time that one machine was, or is, billed for. */
export interface Spell {
  key: InstanceKey;
  name: string;
  provider: ProviderId;
  /** The folder that `up` was run in; null: not known. */
  directory: string | null;
  tariff: Tariff;
  startMs: number;
  /** Of one that lives: now. */
  endMs: number;
  /** When the bill of one that lives ends at the latest, null: never; of one that is gone, when it ended. */
  latestEndMs: number | null;
}

/** A machine whose cost nobody can tell: its price was not told, or nobody saw its end. */
export interface UnknownCost {
  key: InstanceKey;
  name: string;
  provider: ProviderId;
  why: 'price' | 'end';
}

export interface Spending {
  spells: Spell[];
  unknown: (UnknownCost & { startMs: number })[];
}

/** @param isBilled whether machines at a provider cost anything: without that, no price may mean nothing to pay */
export function readSpending(
  { instances, receipts }: { instances: readonly Instance[]; receipts: readonly Receipt[] },
  nowMs: number,
  isBilled: (provider: ProviderId) => boolean,
): Spending {
  const spending: Spending = { spells: [], unknown: [] };
  const add = (of: Omit<Spell, 'tariff' | 'endMs'>, tariff: Tariff | null, endMs: number | null) => {
    const { key, name, provider, startMs } = of;
    if (tariff !== null && endMs !== null) spending.spells.push({ ...of, tariff, endMs });
    else if (tariff !== null || isBilled(provider))
      spending.unknown.push({ key, name, provider, startMs, why: tariff === null ? 'price' : 'end' });
  };
  for (const receipt of receipts) {
    const { key, name, provider, directory, createdAt, endedAt, assumedEndAt, tariff } = receipt;
    const [startMs, endMs] = [createdAt.getTime(), (endedAt ?? assumedEndAt)?.getTime() ?? null];
    add({ key, name, provider, directory, startMs, latestEndMs: endMs }, tariff, endMs);
  }
  for (const instance of instances) {
    const { key, name, provider, directory, createdAt, tariff } = instance;
    // One that was never ordered has cost nothing, and may yet.
    const startMs = instance.vmId === null ? nowMs : createdAt.getTime();
    const ends = endsOf(instance, nowMs);
    add({ key, name, provider, directory, startMs, latestEndMs: ends.latestEndMs }, tariff, ends.endMs);
  }
  return spending;
}

/** A machine that the provider did not have any more had ended by then. */
function endsOf(instance: Instance, nowMs: number): Pick<Spell, 'endMs' | 'latestEndMs'> {
  const { vmState, expiresAt } = instance;
  if (vmState?.state === 'gone') {
    const goneMs = assumeEnd(instance, nowMs).getTime();
    return { endMs: goneMs, latestEndMs: goneMs };
  }
  const latestEndMs = expiresAt && Math.max(nowMs, expiresAt.getTime() + endSlackMs);
  return { endMs: nowMs, latestEndMs };
}

/**
 * What a machine was billed between two moments. A charge belongs to the moment at which it begins: a started hour whole to
 * the day, and the month, that it was started in. So parts add up to the whole.
 */
export function costBetween(
  spell: Pick<Spell, 'tariff' | 'startMs' | 'endMs'>,
  fromMs: number,
  toMs: number,
): Money {
  return subtractMoney(costUntil(spell, toMs), costUntil(spell, fromMs));
}

function costUntil(
  { tariff, startMs, endMs }: Pick<Spell, 'tariff' | 'startMs' | 'endMs'>,
  atMs: number,
): Money {
  if (atMs <= startMs) return { ...tariff.hourly, amount: '0' };
  return costOf(tariff, Math.min(atMs, endMs) - startMs);
}

/** What one that lives may yet cost until then, if nobody ends it before its deadline. */
export function costAhead(spell: Spell, nowMs: number, untilMs: number): Money {
  const endMs = spell.latestEndMs ?? Number.POSITIVE_INFINITY;
  return costBetween({ ...spell, endMs: Math.min(endMs, Math.max(untilMs, nowMs)) }, nowMs, untilMs);
}

/** Sums of amounts that can be added: of one currency, with the taxes in all of them or in none. By currency. */
export function sumMoney(amounts: Iterable<Money>): Money[] {
  const sums = new Map<string, Money>();
  for (const amount of amounts) {
    const kind = `${amount.currency} ${amount.basis}`;
    const sum = sums.get(kind);
    sums.set(kind, sum ? addMoney(sum, amount) : amount);
  }
  return [...sums.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, sum]) => sum);
}

/** A month of the calendar, in UTC, by which providers bill. */
export interface Month {
  /** `2026-11`. */
  id: string;
  startMs: number;
  endMs: number;
}

export function monthAt(nowMs: number): Month {
  const now = new Date(nowMs);
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  return {
    id: now.toISOString().slice(0, 7),
    startMs: Date.UTC(year, month),
    endMs: Date.UTC(year, month + 1),
  };
}

/** Reads `2026-11`; null for anything else. */
export function parseMonth(text: string): Month | null {
  if (!/^(?:19|20|21)\d\d-(?:0[1-9]|1[0-2])$/.test(text)) return null;
  return monthAt(Date.parse(`${text}-01T00:00:00Z`));
}
