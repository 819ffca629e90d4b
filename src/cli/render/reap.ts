import type { ReapedMachine, ReapReport } from '../../app/reap-run.ts';
import { SpuffError } from '../../domain/errors.ts';
import { formatMoney } from '../../domain/money.ts';
import type { Receipt } from '../../domain/receipt.ts';
import { formatMoment } from './text.ts';

/** What became of a machine, why, and what it has cost: three cells of a table. */
export function describeReaped(machine: ReapedMachine, nowMs: number): [string, string, string] {
  const { outcome, why, until, snapshot, receipt, error } = machine;
  const reason = outcome === 'failed' ? messageOf(error) : reasons[why];
  const kept = snapshot === null ? '' : `, kept as ${snapshot}`;
  const when = until === null ? '' : `, ${formatMoment(until, nowMs)}`;
  const cost = receipt?.cost ?? null;
  return [outcomes[outcome], `${reason}${when}${kept}`, cost === null ? '' : formatMoney(cost)];
}

const outcomes: Readonly<Record<ReapedMachine['outcome'], string>> = {
  kept: 'kept',
  'to-be-destroyed': 'due',
  destroyed: 'destroyed',
  gone: 'gone',
  failed: 'failed',
};

const reasons: Readonly<Record<ReapedMachine['why'], string>> = {
  'not-spuffs': 'no key of spuff is on it',
  'being-made': 'it is being made',
  ending: 'it is going already',
  unclear: 'its state is not clear',
  leased: 'its lease lasts',
  'no-deadline': 'it has no deadline',
  'just-off': 'it has just switched itself off',
  'off-by-owner': 'somebody switched it off at the provider',
  'off-for-unknown-reason': 'nobody knows who switched it off',
  'past-deadline': 'its lease is over',
  'off-by-itself': 'it switched itself off',
  'at-work': 'another spuff is at work on it',
  'interrupted-down': 'its destruction was interrupted',
  gone: 'it had gone by itself',
};

export function reapToJson({ machines, leftovers, failures }: ReapReport): object {
  return {
    version: 1,
    machines: machines.map(({ until, receipt, error, ...rest }) => ({
      ...rest,
      until: until?.toISOString() ?? null,
      receipt: receipt && receiptToJson(receipt),
      error: error === null ? null : errorToJson(error),
    })),
    leftovers: leftovers.map(({ kind, id, name, key, billed, provider }) => {
      return { kind, id, name, key, billed, provider };
    }),
    failures: failures.map(({ provider, error }) => ({ provider, error: errorToJson(error) })),
  };
}

function receiptToJson(receipt: Receipt): object {
  const { createdAt, endedAt, assumedEndAt, ...rest } = receipt;
  const ends = {
    endedAt: endedAt?.toISOString() ?? null,
    assumedEndAt: assumedEndAt?.toISOString() ?? null,
  };
  return { ...rest, createdAt: createdAt.toISOString(), ...ends };
}

function errorToJson(error: unknown): object {
  return { code: error instanceof SpuffError ? error.code : 'internal', message: messageOf(error) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
