import type { SimClock } from '../simulators/sim-clock.ts';
import type { World } from './cloud-model.ts';

/** The cloud's own clock, which is right. */
export function cloudClock({ time, random }: Pick<World, 'time' | 'random'>): SimClock {
  return {
    now: () => Math.floor(time.now()),
    sleep: (ms) => new Promise((resolve) => time.at(time.now() + ms, resolve)),
    random: random.next,
    advance: (ms) => {
      if (ms !== 0) throw new TypeError('time passes by itself here');
    },
    sleeps: [],
  };
}
