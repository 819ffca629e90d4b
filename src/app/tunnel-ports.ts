import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { PortWish } from '../domain/project.ts';
import type { OpenPort, RemoteListener, TunnelKind, TunnelLink, TunnelStore } from '../domain/tunnel.ts';
import type { PortLook } from '../lib/local-port.ts';
import { claimPort } from './claim-port.ts';
import type { TunnelEvent } from './tunnel-event.ts';

export interface PortsRequest {
  id: string;
  kind: TunnelKind;
  ports: readonly PortWish[];
  /** Takes another local port where the wanted one is taken. */
  anyPort: boolean;
  /** Forwards what begins to listen on the machine. */
  auto: boolean;
}

export interface PortsWorld {
  instance: Pick<Instance, 'key' | 'name'>;
  store: Pick<TunnelStore, 'list'>;
  lookAtPort: (port: number) => Promise<PortLook>;
  emit: (event: TunnelEvent) => void;
}

/** The ports of one tunnel, over all its connections. */
export class TunnelPorts {
  ports: readonly OpenPort[];
  /** Listeners of the user's that nothing forwards. */
  offered: readonly RemoteListener[] = [];
  readonly #request: PortsRequest;
  readonly #world: PortsWorld;
  readonly #told = new Set<string>();
  #listeners: readonly RemoteListener[] = [];
  #isNews = false;

  constructor(request: PortsRequest, world: PortsWorld) {
    this.#request = request;
    this.#world = world;
    this.ports = request.ports.map((port) => ({ ...port, isListening: null, blocked: null }));
  }

  /** Whether the machine has told something that `follow` has not seen yet. */
  get isNews(): boolean {
    return this.#isNews;
  }

  /** Takes what listens on the machine. */
  hear(listeners: readonly RemoteListener[]): void {
    this.#listeners = listeners;
    this.#isNews = true;
  }

  /**
   * Finds a local port for each, before anything is dialled: a taken one is the likeliest mistake.
   * @throws SpuffError as `claimPort`, except where the tunnel comes with a session: that must not fail for it
   */
  async claimAll(): Promise<void> {
    const claimed: OpenPort[] = [];
    for (const port of this.ports) {
      try {
        claimed.push({ ...port, local: await this.#claim(port, this.#request.anyPort, claimed) });
      } catch (error) {
        if (this.#request.kind !== 'session' || !(error instanceof SpuffError)) throw error;
        claimed.push({ ...port, blocked: error.message });
        this.#world.emit({ kind: 'blocked', port, error });
      }
    }
    this.ports = claimed;
  }

  async openAll(link: TunnelLink): Promise<void> {
    for (const port of this.ports) await this.#open(link, port);
    this.#settle();
    // What is offered is told once the ports that were asked for are.
    this.#isNews = true;
  }

  /**
   * Does what the last news, or a port that is free again, asks for.
   * @returns whether anything is different now
   */
  async follow(link: TunnelLink): Promise<boolean> {
    const blocked = this.ports.filter((port) => port.blocked !== null);
    for (const port of blocked) await this.#open(link, port);
    const isFreed = blocked.length > this.ports.filter((port) => port.blocked !== null).length;
    if (!this.#isNews) return isFreed;
    this.#settle();
    if (this.#request.auto) for (const listener of this.offered) await this.#add(link, listener);
    this.#tellOffered();
    return true;
  }

  /** One that can't be had for the moment is tried again with each look. */
  async #open(link: TunnelLink, port: OpenPort): Promise<void> {
    try {
      await this.#claim(port, false, []);
      await link.forward(port);
      this.#setBlocked(port, null);
    } catch (error) {
      if (!(error instanceof SpuffError)) throw error;
      if (port.blocked === null) this.#world.emit({ kind: 'blocked', port, error });
      this.#setBlocked(port, error.message);
    }
  }

  async #add(link: TunnelLink, listener: RemoteListener): Promise<void> {
    const wish = { local: listener.port, remote: listener.port };
    try {
      const local = await this.#claim(wish, true, this.ports);
      const port = { local, remote: listener.port, isListening: true, blocked: null };
      await link.forward(port);
      this.ports = [...this.ports, port];
      this.#settle();
      this.#world.emit({ kind: 'opened', port, listener });
    } catch (error) {
      // It stays offered: what nobody asked for is no reason to fail.
      if (!(error instanceof SpuffError)) throw error;
    }
  }

  /** @returns the local port */
  #claim(wish: PortWish, anyPort: boolean, others: readonly OpenPort[]): Promise<number> {
    return claimPort(wish, {
      name: this.#world.instance.name,
      anyPort,
      promised: new Set(others.map(({ local }) => local)),
      tunnels: this.#others(),
      lookAtPort: this.#world.lookAtPort,
    });
  }

  #others() {
    return this.#world.store.list().filter(({ id }) => id !== this.#request.id);
  }

  #settle(): void {
    this.#isNews = false;
    const listening = new Set(this.#listeners.map(({ port }) => port));
    this.ports = this.ports.map((port) => ({ ...port, isListening: listening.has(port.remote) }));
    const others = this.#others().filter(({ key }) => key === this.#world.instance.key);
    const all = [...this.ports, ...others.flatMap(({ ports }) => ports)];
    const carried = new Set(all.map(({ remote }) => remote));
    this.offered = this.#listeners.filter((one) => one.isOwn && !carried.has(one.port) && !isOfSsh(one));
  }

  /** Each once: a server that is started again and again is not news. */
  #tellOffered(): void {
    for (const listener of this.offered) {
      const mark = `${listener.port} ${listener.process}`;
      if (this.#told.has(mark)) continue;
      this.#told.add(mark);
      this.#world.emit({ kind: 'noticed', listener });
    }
  }

  #setBlocked({ local }: PortWish, blocked: string | null): void {
    this.ports = this.ports.map((port) => (port.local === local ? { ...port, blocked } : port));
  }
}

function isOfSsh({ port, process }: RemoteListener): boolean {
  return port === 22 || (process !== null && /^sshd/.test(process));
}
