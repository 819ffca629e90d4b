import { request } from 'node:http';
import { expect, it } from 'vitest';
import { createFakeRuntime } from '../../test/contract/fake-cloud.ts';
import { createFakeProvider } from '../../test/contract/fake-provider.ts';
import { makeReapScene } from '../../test/fakes/reap-scene.ts';
import { makeSpec } from '../../test/machine/lab.ts';
import type { AppContext } from './context.ts';
import type { ReapReport } from './reap-run.ts';
import { runReaper } from './run-reaper.ts';

interface Answer {
  status: number;
  text: string;
}

function get(address: string, path: string, host?: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const url = new URL(path, address);
  const sent = request(url, { headers: { host: host ?? url.host } }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
  });
  sent.on('error', reject).end();
  return promise;
}

/** A reaper over a cloud in memory, that stops after so many rounds. */
async function run(rounds: number, inLastRound: (address: string) => Promise<void> = async () => undefined) {
  const runtime = createFakeRuntime();
  const provider = createFakeProvider({ runtime, caps: { clock: 'this-computer' } });
  const call = { signal: new AbortController().signal, deadline: new Date(runtime.now() + 60_000) };
  const spec = makeSpec({ region: 'here', size: 'small', expiresAt: new Date(runtime.now() + 90_000) });
  await provider.create(spec, call);
  await provider.create(makeSpec({ region: 'here', size: 'small', expiresAt: null }), call);
  const stop = new AbortController();
  const reports: ReapReport[] = [];
  let address = '';
  const scene = makeReapScene(provider, runtime);
  const sleep: AppContext['runtime']['sleep'] = async (ms, signal) => {
    if (reports.length >= rounds && ms > 10_000) {
      await inLastRound(address);
      stop.abort();
    }
    await runtime.sleep(ms, signal);
  };
  const context = { ...scene.context, signal: stop.signal, runtime: { ...runtime, sleep } };
  await runReaper(context, {
    ...{ providers: null, owner: null, dryRun: false, everyMs: 60_000 },
    listen: { host: '127.0.0.1', port: 0 },
    onListening: (at) => (address = at),
    onReport: (report) => reports.push(report),
  });
  return { reports, address, provider };
}

it('looks again and again, and ends when it is told to', async () => {
  const { reports, address, provider } = await run(3);
  expect(reports).toHaveLength(3);
  const destroyed = reports.map(
    ({ machines }) => machines.filter(({ outcome }) => outcome === 'destroyed').length,
  );
  expect(destroyed).toEqual([0, 0, 1]);
  expect(provider.cloud.machines).toHaveLength(1);
  await expect(get(address, '/healthz')).rejects.toThrow();
});

it('says how it is doing to whoever asks on this computer, and nobody else', async () => {
  await run(3, async (address) => {
    expect(await get(address, '/healthz')).toEqual({ status: 200, text: 'ok\n' });
    const { text } = await get(address, '/metrics');
    expect(text).toContain('# TYPE spuff_reaper_runs_total counter\nspuff_reaper_runs_total 3\n');
    expect(text).toContain('spuff_reaper_destroyed_total{provider="fake",why="past-deadline"} 1\n');
    expect(text).toContain('spuff_reaper_machines{provider="fake",why="no-deadline"} 1\n');
    expect(text).toMatch(/spuff_reaper_last_clean_run_timestamp_seconds \d+/);
    expect((await get(address, '/metrics', 'evil.example')).status).toBe(403);
    expect((await get(address, '/')).status).toBe(404);
  });
});

it.each(['0.0.0.0', '192.0.2.1', '[::]', 'example.org'])('does not listen at %s', async (host) => {
  const runtime = createFakeRuntime();
  const { context } = makeReapScene(createFakeProvider({ runtime }), runtime);
  const running = runReaper(context, {
    ...{ providers: [], owner: null, dryRun: false, everyMs: 1, listen: { host, port: 0 } },
    ...{ onListening: () => undefined, onReport: () => undefined },
  });
  await expect(running).rejects.toMatchObject({ code: 'usage' });
});
