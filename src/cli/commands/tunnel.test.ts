import { describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { MemoryTunnels } from '../../../test/fakes/memory-tunnels.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { sampleTunnel } from '../../../test/fakes/sample-tunnel.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Instance } from '../../domain/instance.ts';
import type { RemoteListener, TunnelRecord } from '../../domain/tunnel.ts';
import { jsonShapes } from '../json-shapes.ts';

/** Asked so often for the instance, it hears Ctrl-C. */
class StoppingState extends MemoryState {
  left: number;
  readonly stop = new AbortController();

  constructor(instances: readonly Instance[], left: number) {
    super(instances);
    this.left = left;
  }

  override getInstance(key: Instance['key']): Instance | null {
    if (--this.left < 0) this.stop.abort();
    return super.getInstance(key);
  }
}

/** A machine where these listen, and nobody has a port of this computer. */
function foreground(...listeners: RemoteListener[]): FakeRun & { forwards: string[] } {
  const state = new StoppingState([sampleInstance()], 3);
  const forwards: string[] = [];
  return {
    ...{ state, signal: state.stop.signal, forwards },
    ssh: {
      openTunnel: async (_target, { onListeners }) => {
        onListeners(listeners);
        return {
          ended: new Promise(() => undefined),
          forward: async ({ local, remote }) => void forwards.push(`${local}:${remote}`),
          answers: async () => true,
          close: async () => undefined,
        };
      },
    },
  };
}

const tunnelsOf = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .flatMap((line) => {
      const value = JSON.parse(line) as { tunnels: unknown[] };
      expect(jsonShapes.tunnels.schema.safeParse(value)).toMatchObject({ success: true });
      return value.tunnels;
    });

describe('spuff tunnel', () => {
  it.each([
    [['tunnel'], 'which ports?'],
    [['tunnel', 'demo'], 'which ports?'],
    [['tunnel', 'demo', '0'], '"0" is not a port'],
    [['tunnel', '0.0.0.0:3000'], '"0.0.0.0:3000" is not a port'],
    [['tunnel', '3000:1', '3000:2'], 'want the same port here'],
    [['tunnel', 'demo', 'other', '3000'], 'one tunnel leads to one instance'],
    [['tunnel', '--status', '--stop'], 'exclude each other'],
    [['tunnel', '--background', '--stop', '3000'], 'exclude each other'],
    [['keep-tunnel', '3000'], 'this is for spuff itself'],
  ])('%j is a wrong line', async (argv, words) => {
    const { status, err } = await runLine(argv, { state: new MemoryState([sampleInstance()]) });
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(words) });
  });

  it('prints where the ports are, what begins to listen, and ends well by Ctrl-C', async () => {
    const run = foreground(
      { port: 33_001, isOwn: true, process: 'web' },
      { port: 33_003, isOwn: true, process: '\u001b[2Jevil\u202e' },
      { port: 33_004, isOwn: true, process: null },
    );
    const { status, out, err } = await runLine(['tunnel', 'demo', '33001', '33002:80'], run);
    expect(run.forwards).toEqual(['33001:33001', '33002:80']);
    expect({ status, out }).toEqual({
      status: 0,
      out: 'localhost:33001 is port 33001 of demo\nlocalhost:33002 is port 80 of demo, where nothing listens yet\n',
    });
    expect(err).toContain(
      'port 33003 (\\x1b[2Jevil\\u202e) listens on demo: forward it with spuff tunnel demo 33003\n',
    );
    expect(err).toContain('port 33004 listens on demo');
    expect(`${out}${err}`).not.toContain('\u001b');
  });

  it('takes the instance by its name also where that reads as a port', async () => {
    const run = foreground();
    run.state?.insertInstance(sampleInstance({ name: '8080' }));
    expect(await runLine(['tunnel', '--name', '8080', '33001', '-q'], run)).toMatchObject({
      status: 0,
      out: 'localhost:33001 is port 33001 of 8080, where nothing listens yet\n',
    });
    const { status, err } = await runLine(['tunnel', '--name', '8081', '33001'], run);
    expect({ status, err }).toEqual({ status: 4, err: expect.stringContaining('no instance named "8081"') });
  });

  it('prints its shape after each change with --json', async () => {
    const { out } = await runLine(
      ['tunnel', '33001', '--json'],
      foreground({ port: 33_005, isOwn: true, process: 'web' }),
    );
    const tunnels = tunnelsOf(out);
    expect(tunnels[0]).toMatchObject({ instance: 'demo', kind: 'foreground', state: 'connected' });
    expect(tunnels.at(-1)).toMatchObject({ offered: [{ port: 33_005, process: 'web' }] });
  });
});

describe('spuff tunnel --status', () => {
  const lost = { code: 'connection', message: 'demo does not answer', hints: [] } as const;
  const tunnels = new MemoryTunnels([
    sampleTunnel(),
    sampleTunnel({
      id: 'aaaaaaaa',
      name: 'other',
      state: 'reconnecting',
      lastError: lost,
      auto: true,
      ports: [],
    }),
  ]);

  it('shows all, or those to one instance, also one that is not known any more', async () => {
    const all = await runLine(['tunnel', '--status'], { tunnels });
    expect(all.out).toMatch(
      /^INSTANCE .*\ndemo +localhost:3000 +3000 +connected .*background 4711.*\nother +- .*reconnecting.*demo does not answer\n$/,
    );
    const one = await runLine(['tunnel', 'other', '--status'], { tunnels });
    expect(one.out).not.toContain('localhost:3000');
    expect(await runLine(['tunnel', 'none', '--status'], { tunnels })).toMatchObject({ status: 0, out: '' });
  });

  it('prints its shape with --json', async () => {
    expect(tunnelsOf((await runLine(['tunnel', '--status', '--json'], { tunnels })).out)).toHaveLength(2);
    expect(tunnelsOf((await runLine(['tunnel', '--status', '--json'])).out)).toEqual([]);
  });
});

describe('spuff tunnel --stop', () => {
  const run = () => ({
    state: new MemoryState([sampleInstance()]),
    tunnels: new MemoryTunnels([
      sampleTunnel(),
      sampleTunnel({
        id: 'aaaaaaaa',
        ports: [{ local: 9000, remote: 80, isListening: null, blocked: null }],
      }),
      sampleTunnel({ id: 'bbbbbbbb', kind: 'session' }),
      sampleTunnel({ id: 'cccccccc', name: 'other', key: sampleInstance({ name: 'other' }).key }),
    ]),
  });

  it.each([
    [
      ['tunnel', '--stop'],
      ['0123abcd', 'aaaaaaaa'],
    ],
    [
      ['tunnel', 'demo', '--stop'],
      ['0123abcd', 'aaaaaaaa'],
    ],
    [['tunnel', '80', '--stop'], ['aaaaaaaa']],
    [['tunnel', 'other', '--stop'], ['cccccccc']],
  ])('%j ends what is meant, and never a session', async (argv, ended) => {
    const given = run();
    expect(await runLine(argv, given)).toMatchObject({ status: 0 });
    expect(given.tunnels.ended).toEqual(ended);
  });

  it.each([[['tunnel', 'none', '--stop']], [['tunnel', '81', '--stop']]])('%j finds none', async (argv) => {
    const given = run();
    expect(await runLine(argv, given)).toMatchObject({
      status: 4,
      err: expect.stringContaining('spuff tunnel --status'),
    });
    expect(given.tunnels.ended).toEqual([]);
  });
});

describe('spuff tunnel --background', () => {
  interface Starts extends FakeRun {
    tunnels: MemoryTunnels;
    starts: (readonly string[])[];
  }

  /** Where a start ends in a tunnel, or in words. */
  function starting(outcome: Partial<TunnelRecord> | string, running: readonly TunnelRecord[] = []): Starts {
    const tunnels = new MemoryTunnels(running);
    const starts: (readonly string[])[] = [];
    return {
      ...{ tunnels, starts, state: new MemoryState([sampleInstance()]) },
      services: {
        startBackgroundTunnel: async ({ id }, args) => {
          starts.push(args);
          if (typeof outcome === 'string') return { ended: Promise.resolve(outcome), kill: () => undefined };
          tunnels.save(sampleTunnel({ ...outcome, id }));
          return { ended: new Promise(() => undefined), kill: () => undefined };
        },
      },
    };
  }

  it('starts this program again, with the key and never the name of the instance', async () => {
    const run = starting({});
    const { status, out, err } = await runLine(
      ['tunnel', 'demo', '3000', '8080:80', '-b', '--any-port'],
      run,
    );
    expect({ status, out }).toEqual({ status: 0, out: 'localhost:3000 is port 3000 of demo\n' });
    expect(err).toContain('End it: spuff tunnel demo --stop');
    const [id] = [...run.tunnels.records.keys()];
    expect(run.starts).toEqual([
      [
        ...['keep-tunnel', '3000', '8080:80', '--key', sampleInstance().key, '--id', id],
        ...['--any-port', '--json', '--no-input'],
      ],
    ]);
  });

  it('starts nothing where all is carried, and only what is not', async () => {
    const done = starting({}, [sampleTunnel()]);
    expect(await runLine(['tunnel', '3000', '-b'], done)).toMatchObject({
      status: 0,
      err: expect.stringContaining('It runs already, in the background (process 4711)'),
    });
    expect(done.starts).toEqual([]);
    const more = starting({}, [sampleTunnel()]);
    await runLine(['tunnel', '3000', '4000', '-b', '--json'], more);
    expect(more.starts[0]?.slice(0, 2)).toEqual(['keep-tunnel', '4000']);
  });

  it('fails with what the start failed with', async () => {
    const error = new SpuffError('conflict', 'port 3000 of this computer is taken by node (process 1)', {
      hints: ['do'],
    });
    const { code, message, hints } = error;
    const run = starting(`noise\n${JSON.stringify({ version: 1, error: { code, message, hints } })}\n`);
    expect(await runLine(['tunnel', '3000', '-b'], run)).toMatchObject({
      status: 5,
      err: expect.stringContaining('taken by node (process 1)\nhint: do\n'),
    });
    const odd = await runLine(['tunnel', '3000', '-b'], starting('\u001b[31mSegmentation fault'));
    expect(odd).toMatchObject({ status: 70, err: expect.stringContaining('\\x1b[31mSegmentation fault') });
  });
});
