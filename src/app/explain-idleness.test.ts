import { describe, expect, it } from 'vitest';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import { judge } from './explain-idleness.ts';

type Activity = AgentResponse<'activity'>;

const quiet: Activity = {
  sampledAt: '2026-11-23T12:00:00.000Z',
  signals: {
    sessions: { count: 0, lastInputAt: null, lastChangeAt: null, items: [] },
    ...{
      calls: { lastAt: null },
      heartbeats: { lastInteractiveAt: null },
      exec: { running: 0, lastAt: null },
    },
    cpu: { usedCores: 0, busyFromCores: 0.2, lastBusyAt: null },
  },
  idle: {
    ...{ timeoutSeconds: 7_200, lastActiveAt: '2026-11-23T11:00:00.000Z', lastActiveSignal: 'call' },
    ...{ powerOffAt: '2026-11-23T13:00:00.000Z', keptOnBy: [] },
  },
  lease: { deadline: '2026-11-24T10:00:00.000Z', powerOffAt: '2026-11-24T10:00:00.000Z' },
  next: { what: 'warning', at: '2026-11-23T12:55:00.000Z', why: 'nobody has used the machine' },
};

describe('judge', () => {
  it('says since when nobody has used it, by what that is known, and when it goes off', () => {
    expect(judge(quiet)).toEqual({
      ...{ inUse: false, why: ['call'], idleSince: new Date('2026-11-23T11:00:00Z'), heldUntil: null },
      ...{ actsAt: new Date('2026-11-23T13:00:00Z'), reason: 'nobody has used the machine', isWarned: false },
    });
  });

  it('says of a machine in use when it would go off if that stopped now', () => {
    const busy = {
      ...quiet,
      idle: { ...quiet.idle, powerOffAt: null, keptOnBy: ['it is at work'] },
      next: null,
    };
    expect(judge(busy)).toMatchObject({ inUse: true, why: ['it is at work'], idleSince: null });
    expect(judge(busy).actsAt).toEqual(new Date('2026-11-23T14:00:00Z'));
  });

  it.each<[string, Partial<Activity>, string | null, string | null]>([
    [
      'the end of the lease, when that is sooner',
      { lease: { deadline: null, powerOffAt: '2026-11-23T12:30:00.000Z' } },
      ...(['2026-11-23T12:30:00.000Z', 'the lease is over'] as const),
    ],
    [
      'a power-off that somebody has planned',
      { next: { what: 'power-off', at: '2026-11-23T12:10:00.000Z', why: 'by hand' } },
      ...(['2026-11-23T12:10:00.000Z', 'by hand'] as const),
    ],
    [
      'nothing, where there is no limit',
      {
        ...{ idle: { ...quiet.idle, timeoutSeconds: null, powerOffAt: null }, next: null },
        lease: { deadline: null, powerOffAt: null },
      },
      ...([null, null] as const),
    ],
  ])('names %s', (_what, change, at, reason) => {
    const { actsAt, reason: said } = judge({ ...quiet, ...change });
    expect([actsAt?.toISOString() ?? null, said]).toEqual([at, reason]);
  });
});
