/**
 * What goes over the socket between the agent and the runner of one command. The agent sends one line of JSON, the
 * order; the runner answers with frames: a byte for the kind, four for the length (big-endian), then the payload.
 */
export interface ExecOrder {
  argv: string[];
  /** null: the user's home. */
  cwd: string | null;
  timeoutMs: number;
  /** Of both streams together. */
  maxOutputBytes: number;
}

export type RunnerEnd =
  | { outcome: 'exited'; exitCode: number; signal: null }
  | { outcome: 'signalled' | 'timed-out' | 'output-limit'; exitCode: number | null; signal: string | null };

export type RunnerFrame =
  /** The program runs. */
  | { kind: 'started' }
  | { kind: 'stdout' | 'stderr'; data: Buffer }
  | { kind: 'end'; end: RunnerEnd }
  /** The command could not be started. */
  | { kind: 'failure'; message: string };

const kinds = ['started', 'stdout', 'stderr', 'end', 'failure'] as const;
const headerBytes = 5;

/** More in one frame than this is an error of the other side: pipes give at most 64 KiB at once. */
export const maxFrameBytes = 1024 * 1024;

export function encodeFrame(frame: RunnerFrame): Buffer {
  const payload = payloadOf(frame);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(kinds.indexOf(frame.kind), 0);
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, payload]);
}

function payloadOf(frame: RunnerFrame): Buffer {
  switch (frame.kind) {
    case 'started':
      return Buffer.alloc(0);
    case 'end':
      return Buffer.from(JSON.stringify(frame.end));
    case 'failure':
      return Buffer.from(frame.message);
    default:
      return frame.data;
  }
}

/**
 * Cuts a stream into frames, however its chunks fall.
 * @throws Error when the stream is none of ours
 */
export async function* decodeFrames(chunks: AsyncIterable<Buffer>): AsyncGenerator<RunnerFrame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= headerBytes) {
      const length = rest.readUInt32BE(1);
      if (length > maxFrameBytes) throw new Error(`a frame of ${length} bytes`);
      if (rest.length < headerBytes + length) break;
      yield decodeFrame(rest.readUInt8(0), rest.subarray(headerBytes, headerBytes + length));
      rest = rest.subarray(headerBytes + length);
    }
  }
  if (rest.length > 0) throw new Error('the stream ends inside a frame');
}

function decodeFrame(kindByte: number, payload: Buffer): RunnerFrame {
  const kind = kinds[kindByte];
  switch (kind) {
    case 'started':
      return { kind };
    case 'stdout':
    case 'stderr':
      return { kind, data: payload };
    case 'end':
      return { kind, end: JSON.parse(payload.toString('utf8')) as RunnerEnd };
    case 'failure':
      return { kind, message: payload.toString('utf8') };
    default:
      throw new Error(`a frame of the unknown kind ${kindByte}`);
  }
}
