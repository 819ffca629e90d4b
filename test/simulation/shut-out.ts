import type { Host } from './host.ts';
import type { Life } from './life.ts';
import { minuteMs } from './life-plan.ts';
import type { Span } from './spans.ts';

/** When a reaper on this computer can do nothing. */
export function shutOut(life: Life, host: Host): Span[] {
  const { weather, onIdle, model } = life.plan;
  // A signature of AWS is good for minutes.
  const isRefused = model === 'aws' && Math.abs(host.skewMs) > 14 * minuteMs;
  const always = { fromMs: 0, toMs: Number.POSITIVE_INFINITY };
  return [
    ...[...weather.down, ...weather.refusing].map((span) => life.span(span)),
    ...(onIdle === 'snapshot' ? weather.noSnapshots.map((span) => life.span(span)) : []),
    ...life.deaths.filter((one) => one.host === host),
    ...host.asleep,
    ...host.cutOff,
    { fromMs: host.lostAtMs, toMs: Number.POSITIVE_INFINITY },
    ...(isRefused ? [always] : []),
  ];
}
