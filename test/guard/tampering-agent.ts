/**
 * What root on a machine puts between ssh and the agent that was lent to it: every request of ssh passes through here, and
 * may be changed, left out, or preceded by others.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { type AgentClient, connectAgent } from './agent-client.ts';
import { frame } from './agent-wire.ts';

/** Gives the answer to a request of ssh, with the lent agent at hand. */
export type Tamper = (body: Buffer, agent: AgentClient) => Promise<Buffer>;

export interface TamperingAgent {
  socketPath: string;
  close(): Promise<void>;
}

export async function startTamperingAgent(
  socketPath: string,
  lentSocketPath: string,
  tamper: Tamper,
): Promise<TamperingAgent> {
  const clients = new Set<Socket>();
  const server: Server = createServer((client) => {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    client.on('error', () => client.destroy());
    void serve(client, lentSocketPath, tamper).catch(() => client.destroy());
  });
  server.listen(socketPath);
  await once(server, 'listening');
  return {
    socketPath,
    close: async () => {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
      rmSync(socketPath, { force: true });
    },
  };
}

async function serve(client: Socket, lentSocketPath: string, tamper: Tamper): Promise<void> {
  const agent = await connectAgent(lentSocketPath);
  client.on('close', () => agent.close());
  let received = Buffer.alloc(0);
  for await (const chunk of client as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 4 && received.length >= 4 + received.readUInt32BE()) {
      const body = received.subarray(4, 4 + received.readUInt32BE());
      received = received.subarray(4 + body.length);
      client.write(frame(await tamper(body, agent)));
    }
  }
}
