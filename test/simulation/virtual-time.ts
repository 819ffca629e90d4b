import { setImmediate as nextTurn } from 'node:timers/promises';

/** Time that passes only from one event to the next, so that days take milliseconds. */
interface Event {
  atMs: number;
  /** Events of one moment come in the order they were planned in. */
  order: number;
  happen: () => void;
}

export class VirtualTime {
  #nowMs: number;
  #planned = 0;
  readonly #heap: Event[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  now = (): number => this.#nowMs;

  /** A moment that has passed comes next. */
  at(atMs: number, happen: () => void): void {
    this.#push({ atMs: Math.max(atMs, this.#nowMs), order: this.#planned++, happen });
  }

  /** After each event, whatever waits for nothing but it comes as far as its next wait. */
  async run(untilMs: number): Promise<void> {
    // What was begun before has come to its first wait by now.
    await nextTurn();
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs; next = this.#heap[0]) {
      this.#pop();
      this.#nowMs = next.atMs;
      next.happen();
      await nextTurn();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent] as Event, event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (isBefore(last, heap[child] as Event)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
