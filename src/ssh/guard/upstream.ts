/** A connection to the user's own ssh-agent: one request at a time, each with its answer. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createFrameReader, encodeFrame } from './agent-frames.ts';

export interface Upstream {
  /**
   * @returns the body of the answer, its type byte first
   * @throws Error when the agent is gone, breaks the protocol, or does not answer in time
   */
  ask(body: Uint8Array): Promise<Buffer>;
  close(): void;
}

/** A security key waits for a touch, and gpg-agent for a passphrase: both can take a person a while. */
const answerTimeoutMs = 120_000;

/** @throws Error when nobody listens there */
export async function connectUpstream(path: string): Promise<Upstream> {
  const socket = connect(path);
  await once(socket, 'connect');
  const frames = createFrameReader();
  let waiting: ((body: Buffer | Error) => void) | null = null;
  const settle = (answer: Buffer | Error) => {
    const settleOne = waiting;
    waiting = null;
    settleOne?.(answer);
  };
  const fail = (error: Error) => {
    socket.destroy();
    settle(error);
  };
  socket.on('error', fail);
  socket.on('close', () => settle(new Error('the ssh-agent closed the connection')));
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const body of frames.push(chunk)) settle(body);
    } catch (error) {
      fail(error instanceof Error ? error : new Error('the ssh-agent broke the protocol'));
    }
  });
  return {
    ask: async (body) => {
      if (socket.destroyed) throw new Error('the ssh-agent is gone');
      if (waiting) throw new TypeError('the last request to the ssh-agent has no answer yet');
      const answer = new Promise<Buffer | Error>((resolve) => {
        waiting = resolve;
      });
      const timer = setTimeout(() => fail(new Error('the ssh-agent did not answer')), answerTimeoutMs);
      try {
        socket.write(encodeFrame(body));
        const said = await answer;
        if (said instanceof Error) throw said;
        return said;
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => socket.destroy(),
  };
}
