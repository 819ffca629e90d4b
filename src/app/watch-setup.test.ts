import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Progress } from '../domain/progress.ts';
import type { SetupPart, SetupStatus } from '../protocol/setup-schema.ts';
import { protocolVersion, spuffVersion } from '../protocol/version.ts';
import type { AppContext } from './context.ts';
import { setupError } from './run-setup.ts';
import { watchSetup } from './watch-setup.ts';

let folder: string;
let server: Server;
/** What the agent answers, one after the other; the last one again and again. null: it hangs up. */
let answers: (SetupStatus | null)[];
let said: string[];
let nowMs: number;
let abort: AbortController;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-watch-'));
  said = [];
  nowMs = 0;
  abort = new AbortController();
  server = createServer((request, response) => {
    if (request.url === '/health') {
      response.end(JSON.stringify({ version: spuffVersion, protocol: protocolVersion, uptimeSeconds: 1 }));
      return;
    }
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === null) request.socket.destroy();
    else response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'agent.sock'), resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const progress: Progress = {
  start: (title) => ({
    update: (detail) => void said.push(`${title} > ${detail}`),
    done: (detail) => void said.push(`${title} done ${detail ?? ''}`.trim()),
    fail: (detail) => void said.push(`${title} failed ${detail ?? ''}`.trim()),
  }),
  note: (text) => void said.push(text),
  warn: (text) => void said.push(text),
  trace: () => undefined,
};

const instance = sampleInstance();
const watch = (run: string | null = 'mine') =>
  watchSetup(
    {
      progress,
      signal: abort.signal,
      ssh: async () => ({ openChannel: async () => join(folder, 'agent.sock') }),
      runtime: {
        now: () => nowMs,
        random: () => 0,
        sleep: async (ms: number) => {
          nowMs += ms;
          abort.signal.throwIfAborted();
        },
      },
    } as unknown as AppContext,
    instance,
    run,
  );

const startedAt = '2026-11-28T10:00:00.000Z';
const part = (change: Partial<SetupPart>): SetupPart => ({
  ...{ kind: 'script', name: '001', state: 'pending', startedAt: null, endedAt: null },
  ...{ detail: null, log: null, items: [], ...change },
});
const status = (state: SetupStatus['state'], parts: SetupPart[], run = 'mine'): SetupStatus => ({
  ...{ project: 'shop', run, state, startedAt, endedAt: null, detail: null, parts },
});

describe('watching a setup', () => {
  it('draws the parts of its own run, and none that was done before', async ({ expect }) => {
    const old = part({
      kind: 'packages',
      name: 'packages',
      state: 'done',
      startedAt: '2026-11-27T10:00:00.000Z',
    });
    const at = (state: SetupPart['state'], detail: string | null) => part({ state, detail, startedAt });
    answers = [
      status('done', [at('done', null)], 'of another'),
      status('in_progress', [old, at('in_progress', 'line\u001b[2J')]),
      status('failed', [
        old,
        at('failed', 'exit status 1'),
        part({ name: '002', state: 'skipped', detail: 'because' }),
      ]),
    ];
    const end = await watch();
    expect(end.state).toBe('failed');
    expect(said).toEqual([
      'setup command 1 > line\\x1b[2J',
      'setup command 1 failed exit status 1',
      'setup command 2: skipped because',
    ]);
  });

  it('goes on when the connection is lost and comes back', async ({ expect }) => {
    answers = [status('in_progress', []), null, null, status('done', [])];
    expect((await watch()).state).toBe('done');
    expect(said.filter((line) => line.includes('is lost'))).toHaveLength(1);
    expect(said).toContain(`${instance.name} is reached again`);
  });

  it('is given up when the machine is away for long, and says that the setup goes on', async ({ expect }) => {
    answers = [status('in_progress', []), null];
    const error = await watch().catch((thrown: unknown) => thrown);
    expect((error as SpuffError).hints.at(-1)).toBe(
      `the setup goes on there; look again: spuff setup ${instance.name}`,
    );
  });

  it('is given up for a run that never shows', async ({ expect }) => {
    answers = [status('done', [], 'of another')];
    await expect(watch()).rejects.toThrow('was started and says nothing');
  });

  it('ends by Ctrl-C, which ends nothing on the machine', async ({ expect }) => {
    answers = [status('in_progress', [])];
    setTimeout(() => abort.abort(), 50);
    const error = await watch().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SpuffError);
    expect(error).toMatchObject({ code: 'interrupted', message: `the setup goes on on ${instance.name}` });
    expect((error as SpuffError).hints).toContain(`or end it: spuff setup ${instance.name} --stop`);
  });
});

describe('the error of a setup', () => {
  it('names what failed, its logs and the way on', ({ expect }) => {
    const failed = status('failed', [
      part({ state: 'failed' }),
      part({ kind: 'bundle', name: 'node', state: 'failed' }),
    ]);
    const error = setupError(instance, failed);
    expect(error).toMatchObject({ code: 'setup', exitStatus: 17 });
    expect(error?.message).toBe(
      `${instance.name} is there, but not set up: setup command 1, bundle node failed`,
    );
    expect(error?.hints).toEqual([
      `see why: spuff logs ${instance.name} --script 1`,
      `see why: spuff logs ${instance.name} --bundle node`,
      `go on where it stands: spuff setup ${instance.name}`,
    ]);
  });

  it('is none when all is done', ({ expect }) => {
    expect(setupError(instance, status('done', []))).toBe(null);
  });
});
