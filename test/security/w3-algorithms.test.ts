import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProcess } from '../../src/lib/process.ts';
import { type BootMachine, BootScene, type KeyPair } from '../e2e/boot-machine.ts';

/** Versions of ssh-audit differ in which of their lists hold bare names. */
type Names = (string | { algorithm: string })[];

// W3: modern algorithms on both ends, public keys alone, no RSA key below 3072 bits.
describe('the SSH algorithms of a machine', () => {
  const scene = new BootScene();
  let login: KeyPair;
  let machine: BootMachine;

  beforeAll(async () => {
    login = await scene.makeLoginKey('login');
    machine = await scene.boot(login);
  });
  afterAll(() => scene.remove());

  it('get no fail from ssh-audit, and no warning but for exchanges that it is too old to know', async () => {
    const { stdout } = await runProcess(['ssh-audit', '-n', '-l', 'warn', machine.address]);
    expect(stdout).toContain('key exchange algorithms');
    expect(stdout).not.toContain('[fail]');
    const warnings = stdout.split('\n').filter((line) => line.includes('[warn]'));
    for (const line of warnings)
      expect(line).toMatch(
        /^\(kex\) (?:sntrup761|mlkem768|kex-strict-s-v00)\S*\s+-- \[warn\] (?:unknown|using experimental) algorithm$/,
      );
  });

  it('are few: one kind of host key, authenticated encryption alone, no NIST curve, no SHA-1', async () => {
    const { stdout } = await runProcess(['ssh-audit', '-j', machine.address]);
    const audit = JSON.parse(stdout) as Record<'kex' | 'key' | 'enc' | 'mac', Names>;
    const names = (list: Names) => list.map((item) => (typeof item === 'string' ? item : item.algorithm));
    expect(names(audit.key)).toEqual(['ssh-ed25519']);
    for (const cipher of names(audit.enc)) expect(cipher).toMatch(/-gcm@|^chacha20-poly1305@/);
    for (const mac of names(audit.mac)) expect(mac).toMatch(/^hmac-sha2-\d+-etm@/);
    for (const kex of names(audit.kex))
      expect(kex).toMatch(/^(?:sntrup761|mlkem768|curve25519|kex-strict|ext-info)/);
  });

  it('agree on a post-quantum exchange with the OpenSSH here', async () => {
    const { exitCode, stderr } = await machine.ssh('dev', ['true']);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/debug1: kex: algorithm: (?:sntrup761x25519|mlkem768x25519)/);
  });

  it.each([
    [2048, 255],
    [3072, 0],
  ])('with an RSA key of %i bits, a login exits with %i', async (bits, exitCode) => {
    const path = join(scene.folder, `rsa-${bits}`);
    await runProcess(['ssh-keygen', '-q', '-t', 'rsa', '-b', String(bits), '-N', '', '-f', path]);
    const key = { path, publicKey: readFileSync(`${path}.pub`, 'utf8') };
    await machine.ok(['tee', '-a', '/home/dev/.ssh/authorized_keys'], { stdin: key.publicKey });
    expect(await machine.ssh('dev', ['true'], { key })).toMatchObject({ exitCode });
  });
});
