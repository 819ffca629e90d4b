/** A reaper that runs on: for teams, on a machine that is always on. Several at once agree through the providers. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { isLoopbackHost } from '../lib/loopback-host.ts';
import type { AppContext } from './context.ts';
import { reapOnce } from './reap.ts';
import type { ReapReport, ReapRequest } from './reap-run.ts';
import { createReaperMetrics, type ReaperMetrics } from './reaper-metrics.ts';

export interface RunReaperRequest extends ReapRequest {
  everyMs: number;
  /** Where it is asked how it is doing; null: nowhere. On loopback alone. */
  listen: { host: string; port: number } | null;
  onListening(address: string): void;
  onReport(report: ReapReport): void;
}

/** Runs until the context's signal aborts; what fails is tried again in the next round. */
export async function runReaper(context: AppContext, request: RunReaperRequest): Promise<void> {
  const { signal, runtime, progress } = context;
  const metrics = createReaperMetrics();
  const server = request.listen && (await listen(context, metrics, request));
  try {
    while (!signal.aborted) {
      try {
        const report = await reapOnce(context, request);
        metrics.note(report, runtime.now());
        request.onReport(report);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof SpuffError)) throw error;
        metrics.noteFailure(runtime.now());
        progress.warn(`this round came to nothing: ${error.message}`, error.hints);
      }
      // Not all of a team's reapers at the same moment.
      await runtime.sleep(request.everyMs * (0.9 + 0.2 * runtime.random()), signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    server?.closeAllConnections();
    server?.close();
  }
}

/** @throws SpuffError `usage` for an address that others could reach, `conflict` for one that is taken */
async function listen(
  { runtime }: AppContext,
  metrics: ReaperMetrics,
  { listen: at, everyMs, onListening }: RunReaperRequest,
): Promise<Server> {
  const { host, port } = at ?? { host: '', port: 0 };
  if (!isLoopbackHost(host)) {
    throw new SpuffError('usage', `${host} is not an address of this computer alone`, {
      hints: ['take a loopback address: --listen 127.0.0.1:9775'],
    });
  }
  const startedMs = runtime.now();
  const server = createServer((request, response) => {
    const answer = (status: number, text: string) => {
      response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(text);
    };
    // A web page under another name must not read it: only a request for a loopback address is answered.
    const asked = URL.parse(`http://${request.headers.host ?? ''}`)?.hostname ?? '';
    if (!isLoopbackHost(asked)) return answer(403, 'no\n');
    if (request.method !== 'GET') return answer(405, 'no\n');
    if (request.url === '/metrics') return answer(200, metrics.render());
    if (request.url !== '/healthz') return answer(404, 'no\n');
    const lateMs = runtime.now() - (metrics.lastRunMs ?? startedMs);
    return lateMs < 3 * everyMs + 600_000 ? answer(200, 'ok\n') : answer(503, 'the last look is long ago\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host.replace(/^\[|\]$/g, ''), resolve);
  }).catch((error: unknown) => {
    const why = systemErrorCode(error) ?? 'unknown error';
    throw new SpuffError('conflict', `can't listen at ${host}:${port} (${why})`, {
      hints: ['take another port: --listen 127.0.0.1:9776'],
      cause: error,
    });
  });
  onListening(`http://${host}:${(server.address() as AddressInfo).port}`);
  return server;
}
