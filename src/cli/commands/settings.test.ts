import { describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryConfig } from '../../../test/fakes/memory-config.ts';
import { memoryKeys } from '../../../test/fakes/memory-keys.ts';
import { SpuffError } from '../../domain/errors.ts';

const terminals = { out: true, err: true, input: true };

function withConfig(config: MemoryConfig, more: FakeRun = {}): FakeRun {
  return { ...more, services: { openConfig: async () => config, ...more.services } };
}

describe('spuff config', () => {
  it('sets, gets, shows and unsets', async () => {
    const config = new MemoryConfig();
    const run = (...argv: string[]) => runLine(['config', ...argv], withConfig(config));
    expect(await run('set', 'user', 'alice')).toMatchObject({ status: 0, out: '', err: '' });
    expect(await run('get', 'user')).toMatchObject({ status: 0, out: 'alice\n' });
    expect((await run('show')).out).toMatch(/^user +alice +set$/m);
    expect((await run('show')).out).toMatch(/^size +- +default$/m);
    expect(await run('unset', 'user')).toMatchObject({ status: 0, err: 'user is dev again\n' });
    expect(await run('unset', 'user')).toMatchObject({ status: 0, err: 'user was not set\n' });
    expect(await run('get', 'size')).toMatchObject({ status: 0, out: '\n' });
    expect(JSON.parse((await run('get', 'size', '--json')).out)).toEqual({
      version: 1,
      key: 'size',
      value: null,
      isDefault: true,
    });
  });

  it('takes out what is no setting when it stands in the file, and refuses it else', async () => {
    const config = new MemoryConfig({ regoin: 'fra1' });
    const run = (...argv: string[]) => runLine(['config', ...argv], withConfig(config));
    expect(await run('unset', 'regoin')).toMatchObject({ status: 0, err: 'regoin is taken out\n' });
    expect(await run('unset', 'usr')).toMatchObject({ status: 3 });
    expect((await run('unset', 'usr')).err).toContain('did you mean user?');
  });

  it('refuses what will not do, and finds the nearest key', async () => {
    const run = (...argv: string[]) => runLine(['config', ...argv], withConfig(new MemoryConfig()));
    expect(await run('set', 'user', 'bad')).toMatchObject({ status: 3 });
    expect((await run('get', 'usr')).err).toContain('did you mean user?');
    expect(await run('edit')).toMatchObject({ status: 2 });
  });
});

describe('spuff init', () => {
  const keys = {
    findLoginKeys: async () => ({ publicKeys: ['k'], publicKeyPath: '/k.pub', notes: ['no passphrase'] }),
  };
  const noKeys = { findLoginKeys: () => Promise.reject(new SpuffError('config', 'there is no SSH key')) };

  it('takes the defaults with --yes, and asks nothing', async () => {
    const config = new MemoryConfig();
    const { status, out, err } = await runLine(
      ['init', '--yes'],
      withConfig(config, { ssh: keys, terminals }),
    );
    expect({ status, out }).toEqual({ status: 0, out: `settings: ${config.path}\n` });
    expect(err).toContain('no passphrase');
    expect(config.hasFile).toBe(true);
    expect(config.read().size).toBe(0);
  });

  it('writes only what was answered otherwise', async () => {
    const config = new MemoryConfig();
    const questions = {
      text: async (message: string, { initial }: { initial: string }) =>
        message.startsWith('Who') ? 'alice' : initial,
    };
    await runLine(['init'], withConfig(config, { ssh: keys, terminals, questions }));
    expect([...config.read()]).toEqual([['user', 'alice']]);
  });

  it.each([
    [['init', '--yes'], 'none', true],
    [['init'], 'prompt', true],
    [['init'], null, false],
  ])('makes a key where there is none: %j %s', async (argv, passphrase, answer) => {
    const store = memoryKeys('/home/someone/.spuff');
    const services = { openOwnKeys: async () => store };
    const questions = {
      text: async (_message: string, { initial }: { initial: string }) => initial,
      confirm: async () => answer,
    };
    const run = withConfig(new MemoryConfig(), { ssh: noKeys, terminals, questions, services });
    expect(await runLine(argv, run)).toMatchObject({ status: 0 });
    expect(store.requests).toEqual(passphrase === null ? [] : [{ storage: 'disk', passphrase }]);
  });

  it('makes none where a key was configured but can not be used', async () => {
    const run = withConfig(new MemoryConfig(), { ssh: noKeys, settings: { sshKey: '/gone.pub' } });
    expect(await runLine(['init', '--yes'], run)).toMatchObject({ status: 3 });
    const open = { findLoginKeys: () => Promise.reject(new SpuffError('permission', 'open to others')) };
    expect(await runLine(['init', '--yes'], withConfig(new MemoryConfig(), { ssh: open }))).toMatchObject({
      status: 15,
    });
  });

  it('says what to do where nobody can be asked', async () => {
    const { status, err } = await runLine(['init'], withConfig(new MemoryConfig()));
    expect(status).toBe(2);
    expect(err).toContain('spuff init --yes');
  });
});
