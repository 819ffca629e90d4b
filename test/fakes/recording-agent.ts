/** A socket before an agent that passes everything on, and keeps what was asked. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { createFrameReader, encodeFrame } from '../../src/ssh/guard/agent-frames.ts';
import { connectUpstream } from '../../src/ssh/guard/upstream.ts';

export interface RecordingAgent {
  /** The bodies of all requests, one list for each connection. */
  connections: Buffer[][];
  close(): void;
}

export async function startRecordingAgent(path: string, upstreamPath: string): Promise<RecordingAgent> {
  const connections: Buffer[][] = [];
  const server: Server = createServer((socket) => {
    const asked: Buffer[] = [];
    connections.push(asked);
    const frames = createFrameReader();
    const upstream = connectUpstream(upstreamPath);
    let queue = Promise.resolve();
    const end = () => {
      socket.destroy();
      upstream.then(
        (agent) => agent.close(),
        () => undefined,
      );
    };
    socket.on('error', end);
    socket.on('close', end);
    socket.on('data', (chunk: Buffer) => {
      for (const body of frames.push(chunk)) {
        asked.push(body);
        queue = queue.then(async () => {
          socket.write(encodeFrame(await (await upstream).ask(body)));
        });
      }
      queue.catch(end);
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return { connections, close: () => server.close() };
}
