import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeHostKey } from './host-key.ts';
import { buildRotation, parseRotationLine } from './rotation-script.ts';

const injectedPublicKey = makeHostKey('one-time').publicKey;
const line = makeHostKey('own').publicKey.split(' ').slice(0, 2).join(' ');
const request = { mark: 'spuff-0123', injectedPublicKey, knownPublicKey: null, checks: [] };

describe('buildRotation', () => {
  it('is one command for sudo, in the syntax of the shells', () => {
    const command = buildRotation({ ...request, checks: [['nft', 'list', 'table', 'inet', 'spuff']] });
    expect(command).toMatch(/^exec sudo -n sh -c /);
    for (const shell of ['sh', 'bash']) {
      expect(spawnSync(shell, ['-n', '-c', command], { encoding: 'utf8' })).toMatchObject({
        status: 0,
        stderr: '',
      });
    }
  });

  it('keeps hostile arguments of checks as arguments', () => {
    const hostile = ["a'; echo broken #", '$(echo broken)', '`echo broken`', '$&', '\n', "$'"];
    const command = buildRotation({ ...request, checks: [['printf', '%s', ...hostile]] });
    // Only the check is run: everything before it would touch this system.
    const show = command.replace('exec sudo -n sh -c', 'show() { printf %s "$1"; }; show');
    const text = spawnSync('sh', ['-c', show], { encoding: 'utf8' }).stdout;
    const check = text.slice(text.indexOf('check 0 '), text.indexOf('\nword='));
    const result = spawnSync('sh', ['-c', `check() { shift; "$@"; }\n${check}`], { encoding: 'utf8' });
    expect(result.stdout).toBe(hostile.join(''));
  });

  it('never gives the private half away, and names the stage after the injected key', () => {
    const other = buildRotation({ ...request, injectedPublicKey: makeHostKey('other').publicKey });
    const stageOf = (command: string) => / ([0-9a-f]{16}) ''$/.exec(command)?.[1];
    expect(stageOf(buildRotation(request))).not.toBe(stageOf(other));
    expect(other).not.toContain('PRIVATE');
  });

  it('refuses a known key that is none', () => {
    expect(() => buildRotation({ ...request, knownPublicKey: 'x' })).toThrow(TypeError);
  });
});

describe('parseRotationLine', () => {
  const parse = (text: string) => parseRotationLine(text, 'spuff-0123');

  it('reads what the script writes', () => {
    expect(parse(`spuff-0123 key ${line}`)).toMatchObject({ kind: 'key', key: { line } });
    expect(parse('spuff-0123 done')).toEqual({ kind: 'done' });
    expect(parse('spuff-0123 output  two  words')).toEqual({ kind: 'output', text: ' two  words' });
    expect(parse('spuff-0123 check 3 127')).toEqual({ kind: 'check-failed', index: 3, exitCode: 127 });
    expect(parse('spuff-0123 fail lost')).toEqual({ kind: 'failed', reason: 'lost' });
  });

  it('ignores what the login shell prints', () => {
    for (const text of ['', 'welcome', `key ${line}`, 'spuff-9999 done', ' spuff-0123 done'])
      expect(parse(text)).toBeNull();
  });

  it.each([
    'key',
    'key ssh-ed25519',
    `key ${line} comment`,
    `key ${line}\r`,
    `key ${line.replace('ed25519', 'rsa')}`,
    'key -----BEGIN',
    'check 1',
    'check x 1',
    'fail ../x',
    'unheard-of',
  ])('takes %j for a broken protocol', (text) => {
    expect(parse(`spuff-0123 ${text}`)).toEqual({ kind: 'failed', reason: 'protocol' });
  });

  it('takes any line without throwing', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parse(`spuff-0123 ${text}`)).not.toBeNull();
      }),
    );
  });
});
