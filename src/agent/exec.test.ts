import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ExecFrame,
  execFrame,
  execLogResponse,
  execResponse,
  statusResponse,
} from '../protocol/response-schemas.ts';
import { streamMediaType, tokenHeader } from '../protocol/routes.ts';
import { decodeFrames, encodeFrame, maxFrameBytes, type RunnerFrame } from './exec-frames.ts';
import { maxRunning } from './execute.ts';
import { sendRaw, startTestAgent, type TestAgent } from './start-test-agent.ts';

let test: TestAgent;
beforeAll(async () => {
  test = await startTestAgent();
});
afterAll(() => test.stop());

async function exec(body: object) {
  const { status, text } = await test.call('POST', '/exec', { body: { cwd: '/', ...body } });
  expect(status, text).toBe(200);
  return execResponse.parse(JSON.parse(text));
}

async function execStream(body: object): Promise<ExecFrame[]> {
  const headers = { accept: streamMediaType };
  const { text } = await test.call('POST', '/exec', { body: { cwd: '/', ...body }, headers });
  return text
    .trimEnd()
    .split('\n')
    .map((line) => execFrame.parse(JSON.parse(line)));
}

async function logOf(id: string) {
  const { text } = await test.call('GET', '/exec-log?limit=1000');
  return execLogResponse.parse(JSON.parse(text)).entries.find((entry) => entry.id === id);
}

/** Waits for something that must come; the test's own time-out says when it did not. */
async function until(happened: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await happened())) await new Promise((resolve) => setTimeout(resolve, 20));
}

function isAlive(pid: number): boolean {
  try {
    // A killed child of nobody may still be waited for by init: its state tells.
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

describe('/exec', () => {
  it('hands the arguments over as they are', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((argument) => !argument.includes('\0'));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 4 }), async (args) => {
        const script = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';
        const { stdout } = await exec({ argv: [process.execPath, '-e', script, '--', ...args] });
        expect(JSON.parse(stdout.text)).toEqual(args.map((argument) => argument.toWellFormed()));
      }),
      { numRuns: 15, examples: [[['$HOME', '`id`', '; true', '"', "'", '\n', '*', '--', '']]] },
    );
  });

  it('gives both streams, the folder and the exit status', async () => {
    const argv = ['sh', '-c', 'pwd; echo problem >&2; exit 3'];
    const answer = await exec({ argv, cwd: test.folder });
    expect(answer).toMatchObject({ outcome: 'exited', exitCode: 3, signal: null });
    expect(answer.stdout).toEqual({ text: `${test.folder}\n`, encoding: 'utf8' });
    expect(answer.stderr).toEqual({ text: 'problem\n', encoding: 'utf8' });
  });

  it('gives bytes that are no text in base64', async () => {
    const { stdout } = await exec({ argv: ['printf', '\\377\\376'] });
    expect(stdout).toEqual({ text: '//4=', encoding: 'base64' });
  });

  it('names the signal that ended a command', async () => {
    const answer = await exec({ argv: ['sh', '-c', 'kill -9 $$'] });
    expect(answer).toMatchObject({ outcome: 'signalled', exitCode: null, signal: 'SIGKILL' });
  });

  it('says so when there is no such program or folder', async () => {
    for (const body of [{ argv: ['no-such-program'] }, { argv: ['true'], cwd: '/nowhere' }]) {
      for (const headers of [{}, { accept: streamMediaType }]) {
        const { status, text } = await test.call('POST', '/exec', { body: { cwd: '/', ...body }, headers });
        expect(status, text).toBe(400);
      }
    }
  });

  it('ends a command and what it started when the time is over', async () => {
    const argv = ['sh', '-c', 'sleep 1000 & echo $!; wait'];
    const { outcome, stdout } = await exec({ argv, timeoutSeconds: 1 });
    expect(outcome).toBe('timed-out');
    await until(() => !isAlive(Number(stdout.text)));
  });

  it('ends a command that does not listen to the polite signal', async () => {
    const argv = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done'];
    expect(await exec({ argv, timeoutSeconds: 1 })).toMatchObject({
      outcome: 'timed-out',
      signal: 'SIGKILL',
    });
  });

  it('ends what a command leaves running, and does not wait for what has left its group', async () => {
    const argv = ['sh', '-c', 'sleep 1000 & echo $!; setsid sleep 5 & echo done'];
    const { outcome, stdout } = await exec({ argv });
    expect(outcome).toBe('exited');
    const [pid] = stdout.text.split('\n');
    await until(() => !isAlive(Number(pid)));
  });

  it('ends a command that prints more than it may, and gives what it may', async () => {
    const answer = await exec({ argv: ['yes'], maxOutputBytes: 1_001 });
    expect(answer.outcome).toBe('output-limit');
    expect(answer.stdout.text).toHaveLength(1_001);
    expect(await exec({ argv: ['true'], maxOutputBytes: 0 })).toMatchObject({
      outcome: 'exited',
      exitCode: 0,
    });
  });

  it('streams what a command prints, as it comes', async () => {
    const frames = await execStream({ argv: ['sh', '-c', 'echo a; sleep 0.1; echo b >&2; exit 4'] });
    expect(frames.map(({ type }) => type)).toEqual(['start', 'stdout', 'stderr', 'end']);
    expect(frames.at(-1)).toMatchObject({ outcome: 'exited', exitCode: 4 });
  });

  it('streams a lot without losing any of it', async () => {
    const frames = await execStream({
      argv: ['head', '-c', '3000000', '/dev/zero'],
      maxOutputBytes: 4_000_000,
    });
    const bytes = frames.map((frame) =>
      frame.type === 'stdout' ? Buffer.from(frame.data, 'base64').length : 0,
    );
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBe(3_000_000);
    expect(frames.at(-1)).toMatchObject({ type: 'end', outcome: 'exited' });
  });

  it('ends the command when the client goes away, and writes that down', async () => {
    const marker = join(test.folder, 'started');
    const argv = ['sh', '-c', `echo $$ >${marker}; while :; do sleep 0.05; done`];
    const body = JSON.stringify({ argv, cwd: '/', timeoutSeconds: 600 });
    const socket = connect(test.socketPath);
    socket.write(
      `POST /exec HTTP/1.1\r\nHost: spuff-agent\r\n${tokenHeader}: ${test.token}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until(() => existsSync(marker) && readFileSync(marker, 'utf8') !== '');
    socket.destroy();
    await until(() => !isAlive(Number(readFileSync(marker, 'utf8'))));
    const { text } = await test.call('GET', '/exec-log?limit=1');
    expect(execLogResponse.parse(JSON.parse(text)).entries[0]?.outcome).toBe('cancelled');
  });

  it('runs so many at once and no more', async () => {
    const marker = join(test.folder, 'go');
    const body = { argv: ['sh', '-c', `until [ -e ${marker} ]; do sleep 0.02; done`], cwd: '/' };
    const asked = Array.from({ length: maxRunning }, () => test.call('POST', '/exec', { body }));
    await until(async () => {
      const { text } = await test.call('GET', '/status');
      return statusResponse.parse(JSON.parse(text)).exec.running === maxRunning;
    });
    expect((await test.call('POST', '/exec', { body })).status).toBe(503);
    writeFileSync(marker, '');
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(asked.map(() => 200));
  });

  it('writes down each command, without its secrets', async () => {
    const { id } = await exec({ argv: ['true', '--token', 'hunter2', 'PASSWORD=hunter2', 'plain'] });
    expect(await logOf(id)).toMatchObject({
      user: 'dev',
      argv: ['true', '--token', '[redacted]', 'PASSWORD=[redacted]', 'plain'],
      outcome: 'exited',
      exitCode: 0,
    });
    expect(readFileSync(test.execLogPath, 'utf8')).not.toContain('hunter2');
  });

  it('says that the runner is missing, and writes the attempt down', async () => {
    const alone = await startTestAgent();
    try {
      const { rmSync } = await import('node:fs');
      rmSync(join(alone.folder, 'runner.sock'));
      const { status, text } = await alone.call('POST', '/exec', { body: { argv: ['true'] } });
      expect(status).toBe(503);
      expect(text).toContain('spuff-exec.socket');
      const log = await alone.call('GET', '/exec-log');
      expect(execLogResponse.parse(JSON.parse(log.text)).entries[0]?.outcome).toBe('failed');
    } finally {
      await alone.stop();
    }
  });

  it('needs the whole request before anything runs', async () => {
    const before = readFileSync(test.execLogPath, 'utf8');
    const head = `POST /exec HTTP/1.1\r\nHost: spuff-agent\r\n${tokenHeader}: ${test.token}\r\n`;
    const socket = connect(test.socketPath);
    socket.write(
      `${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"argv":["true"],"cwd":"/"}`,
    );
    socket.end();
    await new Promise((resolve) => socket.once('close', resolve).resume());
    expect(
      await sendRaw(
        test,
        `${head}Content-Type: application/json\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      ),
    ).toMatch(/^HTTP\/1\.1 400 /);
    expect(readFileSync(test.execLogPath, 'utf8')).toBe(before);
  });
});

describe('frames', () => {
  const frames = fc.array(
    fc.oneof(
      fc.constant<RunnerFrame>({ kind: 'started' }),
      fc.record({
        kind: fc.constantFrom('stdout' as const, 'stderr' as const),
        data: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
      }),
      fc.string().map((message): RunnerFrame => ({ kind: 'failure', message: message.toWellFormed() })),
      fc.constant<RunnerFrame>({ kind: 'end', end: { outcome: 'exited', exitCode: 0, signal: null } }),
    ),
    { maxLength: 8 },
  );

  async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
    let at = 0;
    for (let turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length] ?? 1;
      yield bytes.subarray(at, at + size);
      at += size;
    }
  }

  async function decode(chunks: AsyncIterable<Buffer>): Promise<RunnerFrame[]> {
    const decoded: RunnerFrame[] = [];
    for await (const frame of decodeFrames(chunks)) decoded.push(frame);
    return decoded;
  }

  it('come out as they went in, however the stream is cut', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(frames, sizes, async (sent, chunkSizes) => {
        const bytes = Buffer.concat(sent.map(encodeFrame));
        expect(await decode(cut(bytes, chunkSizes))).toEqual(sent);
      }),
    );
  });

  it('are refused when cut short, of no known kind, or too long', async () => {
    const whole = encodeFrame({ kind: 'failure', message: 'no' });
    const tooLong = Buffer.alloc(5);
    tooLong.writeUInt32BE(maxFrameBytes + 1, 1);
    for (const bytes of [whole.subarray(0, -1), Buffer.from([9, 0, 0, 0, 0]), tooLong]) {
      await expect(decode(cut(bytes, [100]))).rejects.toThrow();
    }
  });
});
