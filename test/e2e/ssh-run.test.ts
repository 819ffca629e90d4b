/** The SSH port's own calls, against a real sshd: what `run` gives and sends, how connections are shared and forgotten. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SshTarget } from '../../src/domain/ssh.ts';
import type { LoopbackMachine } from '../loopback/machine.ts';
import { SshScene } from '../loopback/scene.ts';

let scene: SshScene;
let machine: LoopbackMachine;
let target: SshTarget;
beforeAll(async () => {
  scene = new SshScene();
  ({ machine, target } = await scene.startPinned());
});
afterAll(() => scene.remove());

describe('run()', () => {
  it('gives output, error and status apart, and closes the input that it is not given', async () => {
    const result = await scene.ssh.run(target, ['sh', '-c', 'cat; echo out; echo err >&2; exit 3']);
    expect(result).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 3 });
  });

  it('sends text, bytes and streams', async () => {
    async function* chunks() {
      yield Buffer.from('one ');
      yield Buffer.from('two');
    }
    for (const stdin of ['one two', Buffer.from('one two'), chunks()]) {
      expect(await scene.ssh.run(target, ['cat'], { stdin })).toMatchObject({
        stdout: 'one two',
        exitCode: 0,
      });
    }
  });

  it('opens the connection again when it has died, and keeps no log file', async () => {
    machine.killSessions();
    expect(await scene.ssh.run(target, ['true'])).toMatchObject({ exitCode: 0 });
    const names = readdirSync(join(scene.home, 'run', target.key));
    expect(names.filter((name) => name.startsWith('log-'))).toEqual([]);
  });

  it('many at once share the connection, also when none is open yet', async () => {
    await scene.ssh.disconnect(target);
    machine.clearLog();
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, index) => scene.ssh.run(target, ['echo', String(index)])),
    );
    expect(results.map(({ stdout }) => stdout)).toEqual(results.map((_, index) => `${index}\n`));
    await scene.ssh.disconnect(target);
    await delay(200);
    // Every connection that was opened has been closed: none is left over from the race.
    const opened = machine.log().match(/Accepted publickey/g)?.length ?? 0;
    const closed = machine.log().match(/Disconnected from user/g)?.length ?? 0;
    expect(opened).toBeGreaterThan(0);
    expect(closed).toBe(opened);
  });
});

describe('forget()', () => {
  it('leaves no socket, no known_hosts and no connection, and is content with nothing to do', async () => {
    await scene.ssh.run(target, ['true']);
    await scene.ssh.forget(target.key);
    await scene.ssh.forget(target.key);
    expect(existsSync(join(scene.home, 'run', target.key))).toBe(false);
    expect(existsSync(join(scene.home, 'known_hosts', target.key))).toBe(false);
    expect(readFileSync(join(machine.root, 'sshd.log'), 'utf8')).toContain('Disconnected from user dev');
  });
});
