/** Ends a test that hangs: a parser that never comes back can't be asked to. */
import { Worker } from 'node:worker_threads';
import { failurePath } from './corpus.ts';

const largestBytes = 256 * 1024;
/** Past any doubt, on a computer with much to do. */
const longestMs = 30_000;

/** Keeps the input that is being read, and kills the process once one takes for ever. */
const program = `
const { workerData: { shared, longestMs, folder, pid } } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const numbers = new Int32Array(shared, 0, 2);
let seen = -1, sinceMs = Date.now();
setInterval(() => {
  const turn = Atomics.load(numbers, 0);
  if (turn !== seen) { seen = turn; sinceMs = Date.now(); return; }
  if (Date.now() - sinceMs < longestMs) return;
  const input = Buffer.from(new Uint8Array(shared, 8, numbers[1]));
  const path = folder + createHash('sha256').update(input).digest('hex').slice(0, 12);
  require('node:fs').writeFileSync(path, input);
  require('node:fs').writeSync(2, 'this input is never done with: ' + path + '\\n');
  process.kill(pid, 'SIGKILL');
}, 500);
`;

export function startWatch(parser: string): { begin(input: Buffer): void; end(): Promise<void> } {
  const shared = new SharedArrayBuffer(8 + largestBytes);
  const numbers = new Int32Array(shared, 0, 2);
  const held = new Uint8Array(shared, 8);
  const folder = failurePath(parser, Buffer.alloc(0)).replace(/[0-9a-f]{12}$/, '');
  const worker = new Worker(program, {
    eval: true,
    workerData: { shared, longestMs, folder, pid: process.pid },
  });
  return {
    begin: (input) => {
      const kept = input.subarray(0, largestBytes);
      held.set(kept);
      numbers[1] = kept.length;
      Atomics.add(numbers, 0, 1);
    },
    end: async () => {
      await worker.terminate();
    },
  };
}
