/**
 * One connection that the machine opened to the forwarded agent. Requests are taken one at a time, and each one that is not
 * understood and allowed is refused; what is allowed goes to the user's agent as it came.
 * Protocol: draft-ietf-sshm-ssh-agent, and OpenSSH's PROTOCOL.agent for `session-bind@openssh.com`.
 */
import type { Socket } from 'node:net';
import type { GuardRequest, RefusalReason } from '../../domain/guard.ts';
import { createFrameReader, encodeFrame } from './agent-frames.ts';
import {
  encodeIdentitiesAnswer,
  encodeQueryAnswer,
  messages,
  parseExtension,
  parseIdentitiesAnswer,
} from './agent-messages.ts';
import {
  type ConnectionState,
  decideBind,
  decideSign,
  mayList,
  newConnection,
  nothingKnown,
  type ShownKey,
  selectKeys,
  toShownKey,
} from './decide.ts';
import type { GuardCore } from './guard-core.ts';
import { connectUpstream, type Upstream } from './upstream.ts';

/** A request that has begun must be whole by then, and a connection without one must begin one. */
const frameTimeoutMs = 10_000;
const idleTimeoutMs = 120_000;

const failure = Buffer.from([messages.failure]);
const success = Buffer.from([messages.success]);
const extensionFailure = Buffer.from([messages.extensionFailure]);

/** Serves the connection until either side ends it. Never throws. */
export function serveGuardConnection(socket: Socket, core: GuardCore): void {
  const frames = createFrameReader();
  const connection = new GuardConnection(core, () => socket.destroyed);
  let queue = Promise.resolve();
  socket.setTimeout(idleTimeoutMs, () => socket.destroy());
  let partialTimer: NodeJS.Timeout | undefined;
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    clearTimeout(partialTimer);
    connection.end();
  });
  // Half a connection is none: whoever has stopped sending gets no answer to wait for.
  socket.on('end', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    let bodies: Buffer[];
    try {
      bodies = frames.push(chunk);
    } catch {
      core.refuse(nothingKnown, 'malformed');
      socket.destroy();
      return;
    }
    // Not for each byte anew: a request that comes a byte at a time must be whole by then as well.
    if (bodies.length > 0 || !frames.isPartial()) {
      clearTimeout(partialTimer);
      partialTimer = undefined;
    }
    if (frames.isPartial()) partialTimer ??= setTimeout(() => socket.destroy(), frameTimeoutMs);
    // Nothing is read while there is something to answer: what a flood brings stays in the kernel.
    socket.pause();
    queue = queue.then(async () => {
      for (const body of bodies) {
        if (socket.destroyed) return;
        socket.setTimeout(0);
        socket.write(encodeFrame(await connection.answer(body)));
        socket.setTimeout(idleTimeoutMs);
      }
      socket.resume();
    });
  });
}

class GuardConnection {
  readonly #core: GuardCore;
  readonly #isGone: () => boolean;
  #state: ConnectionState = newConnection;
  #upstream: Promise<Upstream> | null = null;
  #asked: Promise<unknown> = Promise.resolve();

  constructor(core: GuardCore, isGone: () => boolean) {
    this.#core = core;
    this.#isGone = isGone;
  }

  end(): void {
    this.#upstream?.then(
      (upstream) => upstream.close(),
      () => undefined,
    );
  }

  /** The answer to one request. Never throws. */
  async answer(body: Buffer): Promise<Buffer> {
    try {
      switch (body[0]) {
        case messages.requestIdentities:
          return await this.#list(body);
        case messages.signRequest:
          return await this.#sign(body);
        case messages.extension:
          return await this.#extend(body);
        default:
          this.#core.refuse(nothingKnown, 'unsupported');
          return failure;
      }
    } catch {
      // The agent is gone, or the log can't be written.
      return failure;
    }
  }

  async #list(body: Buffer): Promise<Buffer> {
    const isAllowed = body.length === 1 && mayList(this.#state, this.#core.lease());
    return encodeIdentitiesAnswer(isAllowed ? await this.#shownKeys() : []);
  }

  async #extend(body: Buffer): Promise<Buffer> {
    const extension = parseExtension(body);
    if (extension?.kind === 'query') return encodeQueryAnswer();
    if (extension !== null && extension.kind !== 'session-bind') return extensionFailure;
    const { state, refused } = decideBind(this.#state, extension?.bind ?? null, this.#core.machineHostKey);
    this.#state = state;
    if (refused !== null) {
      this.#core.refuse(nothingKnown, refused);
      return extensionFailure;
    }
    // So that restrictions of the user's own (`ssh-add -h`) keep working. An agent that does not know of it goes on without.
    // Nobody waits for its answer but the next request.
    this.#ask(body).catch(() => undefined);
    return success;
  }

  async #sign(body: Buffer): Promise<Buffer> {
    const core = this.#core;
    const verdict = decideSign(this.#state, body, {
      policy: core.policy(),
      machineHostKey: core.machineHostKey,
      // Who may not see keys is refused for that, without a word to the agent.
      keys: mayList(this.#state, core.lease()) ? await this.#shownKeys() : [],
      lease: core.lease(),
    });
    if (!verdict.allowed) return this.#refuse(verdict.request, verdict.reason);
    const { request } = verdict;
    if (!core.takeRate()) return this.#refuse(request, 'rate');
    if (verdict.needsConfirmation && !(await core.confirm(request))) return this.#refuse(request, 'denied');
    // The answer may have taken a while.
    const lease = core.lease();
    if (lease !== 'running') return this.#refuse(request, lease === 'over' ? 'lease-over' : 'revoked');
    if (this.#isGone()) return failure;
    if (!core.recordSigned(request)) return this.#refuse(request, 'log');
    const answer = await this.#ask(body);
    return answer[0] === messages.signResponse ? answer : this.#refuse(request, 'upstream');
  }

  #refuse(request: GuardRequest, reason: RefusalReason): Buffer {
    this.#core.refuse(request, reason);
    return failure;
  }

  async #shownKeys(): Promise<readonly ShownKey[]> {
    const answer = await this.#ask(Buffer.from([messages.requestIdentities]));
    const identities = parseIdentitiesAnswer(answer) ?? [];
    return selectKeys(identities.map(toShownKey), this.#core.policy());
  }

  /** The agent is asked one thing at a time, in the order in which they came. */
  #ask(body: Uint8Array): Promise<Buffer> {
    const answer = this.#asked.then(async () => {
      this.#upstream ??= connectUpstream(this.#core.upstreamPath);
      return (await this.#upstream).ask(body);
    });
    this.#asked = answer.catch(() => undefined);
    return answer;
  }
}
