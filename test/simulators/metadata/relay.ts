/**
 * The network of a simulated machine: a container that has it, and the metadata service's address in it. Another
 * container joins, and is the machine. The service itself is here, where the simulator's state is; the container only
 * passes requests on, and goes when this process does.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CloudMetadata, MetadataAnswer, MetadataRequest, NetworkCard } from './service.ts';

export interface Relay extends NetworkCard {
  /** Of the container. */
  name: string;
  stop(): Promise<void>;
}

const program = readFileSync(join(import.meta.dirname, 'relay.py'), 'utf8');

/** @param image with Python and iproute2: that of the machine */
export async function startRelay(name: string, image: string, metadata: CloudMetadata): Promise<Relay> {
  // A session of its own: Ctrl-C is for us, and the machines are removed before their networks.
  const child = spawn('docker', dockerArguments(name, image, metadata.hostName), { detached: true });
  const said: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => void said.push(text));
  // What is written after its end is lost, as on any line that is cut.
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close');
  const lines = createInterface(child.stdout);
  const card = await Promise.race([
    once(lines, 'line').then(([line]) => JSON.parse(String(line)) as NetworkCard),
    ended.then(() => Promise.reject(new Error(`the network of ${name} did not come up:\n${said.join('')}`))),
  ]);
  lines.on('line', (line) => {
    const { id, ...request } = JSON.parse(line) as MetadataRequest & { id: number };
    const answer = safely(() => metadata.answer(request, card));
    const body = Buffer.from(answer.body).toString('base64');
    child.stdin.write(`${JSON.stringify({ headers: {}, ...answer, id, body })}\n`);
  });
  return {
    ...card,
    name,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

function dockerArguments(name: string, image: string, hostName: string): string[] {
  const capabilities = ['--cap-drop=ALL', '--cap-add=NET_ADMIN', '--cap-add=NET_BIND_SERVICE'];
  // As the local provider sets it; it belongs to the network, so the machine can't.
  const sysctl = ['--sysctl', 'net.ipv4.ip_unprivileged_port_start=1024'];
  const names = ['--name', name, '--hostname', hostName];
  // An image that was kept of a machine would start as one.
  const entry = ['--entrypoint', 'python3'];
  return ['run', '--rm', '-i', ...names, ...capabilities, ...sysctl, ...entry, image, '-c', program];
}

/** A bug of the simulator shows on the machine as what it is, and does not end the process. */
function safely(answer: () => MetadataAnswer): MetadataAnswer {
  try {
    return answer();
  } catch (error) {
    return { status: 500, body: `the simulator failed: ${String(error)}\n` };
  }
}
