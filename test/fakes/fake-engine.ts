/** As much of the Engine API on a Unix socket as the local provider needs to make a machine and an image. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { escapeText } from '../../src/lib/escape.ts';

interface Container {
  Id: string;
  Name: string;
  Labels: Record<string, string>;
  Status: 'created' | 'running';
}

interface BaseImage {
  Id: string;
  Created: number;
  Size: number;
  Labels: Record<string, string>;
}

export class FakeEngine {
  readonly containers: Container[] = [];
  readonly images: BaseImage[] = [];
  readonly networks: { Id: string; Name: string; Labels: Record<string, string> }[] = [];
  /** How long a container is being made; it goes on when the client is gone, as an engine's work does. */
  createMs = 0;
  /** Hears of each request when it has come whole, before it is done. */
  onRequest: (line: string) => void = () => undefined;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #count = 0;

  async listen(socketPath: string): Promise<void> {
    this.#server.listen(socketPath);
    await once(this.#server, 'listening');
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  addBaseImage(labels: Record<string, string>, created = Math.floor(Date.now() / 1_000)): BaseImage {
    const image = {
      Id: `sha256:${String(++this.#count).padStart(64, '0')}`,
      Created: created,
      Size: 1,
      Labels: { 'spuff.kind': 'base', 'spuff.slug': 'debian-12', 'spuff.arch': 'x86_64', ...labels },
    };
    this.images.push(image);
    return image;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://engine');
    const body: Buffer[] = [];
    request.on('error', () => undefined);
    try {
      for await (const chunk of request) body.push(chunk as Buffer);
    } catch {
      // The client let go while it was sending: there is nothing to do.
      return;
    }
    const path = url.pathname.replace(/^\/v1\.\d+/, '');
    this.onRequest(`${request.method} ${path}`);
    const [status, answer] = await this.#answer(request.method ?? '', path, url, Buffer.concat(body));
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(answer === null ? undefined : `${JSON.stringify(answer)}\n`);
  }

  async #answer(method: string, path: string, url: URL, body: Buffer): Promise<[number, unknown]> {
    const [, kind, id, part] = path.split('/');
    switch (`${method} ${kind}`) {
      case 'GET info':
        return [200, { NCPU: 64, MemTotal: 2 ** 40, Architecture: 'x86_64', SecurityOptions: [] }];
      case 'GET images':
        return [200, this.images];
      case 'POST images':
        return [200, { status: this.#import(url).Id }];
      case 'DELETE images':
        return remove(this.images, ({ Id }) => Id === id, 200);
      case 'GET networks':
        return [200, this.networks];
      case 'POST networks': {
        const { Name, Labels } = JSON.parse(body.toString()) as { Name: string; Labels: never };
        this.networks.push({ Id: String(++this.#count), Name, Labels });
        return [201, {}];
      }
      case 'DELETE networks':
        return remove(this.networks, ({ Id }) => Id === id);
      case 'GET containers':
        return id === 'json' ? [200, this.containers] : this.#inspect(id);
      case 'POST containers':
        return id === 'create' ? this.#create(url, body) : this.#start(id);
      case 'HEAD containers':
        return notFound;
      case 'PUT containers':
        return [200, null];
      case 'DELETE containers':
        return remove(this.containers, ({ Id }) => Id === id);
      default:
        return [501, { message: `${method} ${escapeText(path)} ${part}` }];
    }
  }

  async #create(url: URL, body: Buffer): Promise<[number, unknown]> {
    await delay(this.createMs);
    const { Labels } = JSON.parse(body.toString()) as { Labels: Record<string, string> };
    const container: Container = {
      Id: String(++this.#count),
      Name: `/${url.searchParams.get('name')}`,
      Labels,
      Status: 'created',
    };
    this.containers.push(container);
    return [201, { Id: container.Id }];
  }

  #find(id: string | undefined): Container | undefined {
    return this.containers.find(({ Id, Name }) => Id === id || Name === `/${id}`);
  }

  #start(id: string | undefined): [number, unknown] {
    const container = this.#find(id);
    if (!container) return notFound;
    container.Status = 'running';
    return [204, null];
  }

  #inspect(id: string | undefined): [number, unknown] {
    const found = this.#find(id);
    if (!found) return notFound;
    const { Id, Name, Labels, Status } = found;
    const State = { Status, Error: '', ExitCode: 0, OOMKilled: false, StartedAt: '', FinishedAt: '' };
    const NetworkSettings = { Ports: {}, Networks: {} };
    return [200, { Id, Name, Created: new Date().toISOString(), State, Config: { Labels }, NetworkSettings }];
  }

  #import(url: URL): BaseImage {
    const changes = url.searchParams.getAll('changes').join('\n');
    const labels = [...changes.matchAll(/LABEL ([a-z.]+)=([^"\]\n]+)/g)].map(([, name, value]) => [
      name,
      value,
    ]);
    return this.addBaseImage(Object.fromEntries(labels) as Record<string, string>);
  }
}

const notFound: [number, unknown] = [404, { message: 'no such thing' }];

function remove<T>(list: T[], matches: (item: T) => boolean, done = 204): [number, unknown] {
  const at = list.findIndex(matches);
  if (at === -1) return notFound;
  list.splice(at, 1);
  return [done, done === 204 ? null : []];
}
