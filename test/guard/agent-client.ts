/** A raw connection to an agent's socket, as root on the machine can open it. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { frame, message, readStrings } from './agent-wire.ts';

const timeoutMs = 10_000;

export class AgentClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #hasEnded = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('error', () => undefined);
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#hasEnded = true;
        this.#wake();
      });
    }
  }

  /** Sends one request and gives the body of its answer. @throws Error when the connection ends, or after ten seconds */
  async ask(body: Uint8Array): Promise<Buffer> {
    this.socket.write(frame(body));
    return this.receive();
  }

  /** The next answer. */
  async receive(): Promise<Buffer> {
    const until = Date.now() + timeoutMs;
    for (;;) {
      const length = this.#received.length >= 4 ? this.#received.readUInt32BE() : Number.POSITIVE_INFINITY;
      if (this.#received.length >= 4 + length) {
        const body = this.#received.subarray(4, 4 + length);
        this.#received = this.#received.subarray(4 + length);
        return body;
      }
      if (this.#hasEnded) throw new Error('the agent closed the connection');
      if (!(await this.#change(until - Date.now()))) throw new Error('the agent does not answer');
    }
  }

  /** The comments and blobs of the keys that the agent shows. */
  async list(): Promise<{ blob: Buffer; comment: string }[]> {
    const answer = await this.ask(Buffer.of(message.requestIdentities));
    if (answer[0] !== message.identitiesAnswer) throw new Error(`the agent answered ${answer[0]}`);
    const { strings } = readStrings(answer.subarray(5), answer.readUInt32BE(1) * 2);
    const pairs = Array.from({ length: strings.length / 2 }, (_, index) =>
      strings.slice(2 * index, 2 * index + 2),
    );
    return pairs.map(([blob, comment]) => ({ blob: blob ?? Buffer.alloc(0), comment: String(comment) }));
  }

  /** Whether the other side ended the connection within that time. */
  async endsWithin(ms: number): Promise<boolean> {
    const until = Date.now() + ms;
    while (!this.#hasEnded && (await this.#change(until - Date.now())));
    return this.#hasEnded;
  }

  close(): void {
    this.socket.destroy();
  }

  #change(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), Math.max(0, ms));
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

/** @throws Error where nobody listens, or somebody may not connect */
export async function connectAgent(path: string): Promise<AgentClient> {
  const socket = connect(path);
  await once(socket, 'connect');
  return new AgentClient(socket);
}
