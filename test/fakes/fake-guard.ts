import type { Guard } from '../../src/domain/guard.ts';

/** A guard that listens nowhere, and counts how often it was closed. */
export function fakeGuard(): Guard & { closed: number } {
  const guard = {
    closed: 0,
    socketPath: '/nowhere/g-00000000',
    status: () => {
      throw new TypeError('nobody asks a fake guard');
    },
    attach: () => undefined,
    close: async () => {
      guard.closed += 1;
    },
  };
  return guard;
}
