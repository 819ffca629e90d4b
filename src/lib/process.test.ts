import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProcess, startProcess } from './process.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-process-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program that writes its number down and then stays for a minute. */
const staying = () => ['sh', '-c', 'echo $$ >"$0"/pid; exec sleep 60', folder];

async function pidOf(file = 'pid'): Promise<number> {
  for (;;) {
    try {
      const pid = Number(readFileSync(join(folder, file), 'utf8'));
      if (pid > 0) return pid;
    } catch {
      // Not written yet.
    }
    await delay(2);
  }
}

/** Comes back when no such process is left, or only its name until somebody asks for its status. */
async function isGone(pid: number): Promise<void> {
  const state = () => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0];
    } catch {
      return 'gone';
    }
  };
  while (!['gone', 'Z', 'X'].includes(state() ?? 'gone')) await delay(2);
}

describe('runProcess', () => {
  it('hands over arguments and input as they are, and gives output and status apart', async () => {
    const argv = ['sh', '-c', 'printf "[%s]" "$@"; cat; echo err >&2; exit 3', 'x', '$HOME', "it's", ''];
    expect(await runProcess(argv, { stdin: 'input' })).toEqual({
      stdout: "[$HOME][it's][]input",
      stderr: 'err\n',
      exitCode: 3,
      timedOut: false,
    });
  });

  it('is stopped by a signal that has aborted before, and starts nothing', async () => {
    const stopped = runProcess(['sh', '-c', 'echo >"$0"/ran', folder], { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
    await delay(50);
    expect(() => readFileSync(join(folder, 'ran'))).toThrow('ENOENT');
  });

  it('is stopped by a signal that aborts while the program is being started', async () => {
    const controller = new AbortController();
    const running = runProcess(['sleep', '60'], { signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('ends the program on an abort', async () => {
    const controller = new AbortController();
    const running = runProcess(staying(), { signal: controller.signal });
    const rejected = expect(running).rejects.toMatchObject({ code: 'interrupted' });
    const pid = await pidOf();
    controller.abort();
    await rejected;
    await isGone(pid);
  });

  it('does not wait for a child of the program that holds its pipes', async () => {
    const argv = ['sh', '-c', 'echo before; sleep 60 & echo $! >"$0"/pid; wait', folder];
    expect(await runProcess(argv, { timeoutMs: 300 })).toMatchObject({
      stdout: 'before\n',
      exitCode: 137,
      timedOut: true,
    });
    process.kill(await pidOf(), 'SIGKILL');
  });

  it('ends the program when its input can not be read, or its output not be taken', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x');
      await pidOf();
      throw new Error('the source broke');
    }
    await expect(runProcess(staying(), { stdin: broken() })).rejects.toThrow('the source broke');
    await isGone(await pidOf());

    const onLine = () => {
      throw new Error('nobody listens');
    };
    const argv = ['sh', '-c', 'echo $$ >"$0"/second; echo line; exec sleep 60', folder];
    await expect(runProcess(argv, { onLine })).rejects.toThrow('nobody listens');
    await isGone(await pidOf('second'));
  });

  it('gives lines whole, also where a character comes in two pieces', async () => {
    const lines: string[] = [];
    const argv = ['sh', '-c', "printf 'caf\\303'; sleep 0.1; printf '\\251\\nlast'"];
    await runProcess(argv, { onLine: (line) => void lines.push(line) });
    expect(lines).toEqual(['café', 'last']);
  });
});

describe('startProcess', () => {
  it.each([
    [['no-such-program-at-all'], 'no-such-program-at-all is not installed'],
    [['true', 'x'.repeat(200_000)], 'too long'],
    [['x'.repeat(5_000)], "can't be started (ENAMETOOLONG)"],
    [['/etc/passwd'], 'it may not be run'],
    [['\u001b[31mred'], '\\x1b[31mred is not installed'],
  ])('says clearly why %j does not start', async (argv, message) => {
    const failure = await startProcess(argv, { stdio: 'ignore' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'unavailable' });
    expect(String(failure)).toContain(message);
  });

  it('names the directory that is gone', async () => {
    const cwd = join(folder, 'gone');
    await expect(startProcess(['true'], { stdio: 'ignore', cwd })).rejects.toThrow('its directory is gone');
  });
});
