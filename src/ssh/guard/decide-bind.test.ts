import { describe, expect, it } from 'vitest';
import {
  bind,
  connect,
  ed,
  fromMachine,
  key,
  lab,
  machine,
  policy,
  rsa,
  session,
  stranger,
  toForge,
  toLab,
} from '../../../test/fakes/guard-scene.ts';
import type { ParsedBind } from './agent-messages.ts';
import {
  type ConnectionState,
  decideBind,
  mayList,
  newConnection,
  selectKeys,
  toShownKey,
} from './decide.ts';

describe('decideBind', () => {
  const decide = (state: ConnectionState, one: ParsedBind | null) => decideBind(state, one, machine.blob);

  it('keeps what was proved', () => {
    expect(toLab).toEqual({
      binds: [
        { hostKey: machine.blob, sessionId: session('a'), forwarding: true },
        { hostKey: lab.blob, sessionId: session('b'), forwarding: false },
      ],
      poisoned: null,
    });
  });

  it.each<[string, ParsedBind | null, string]>([
    ['that can not be read', null, 'malformed'],
    ['of another machine', bind(stranger, 'a', true), 'wrong-machine'],
    ['of the machine that is not forwarded', bind(machine, 'a', false), 'wrong-machine'],
    [
      'that another signed',
      bind(machine, 'a', true, { signature: stranger.sign(session('a')) }),
      'false-proof',
    ],
    [
      'that was signed for another',
      bind(machine, 'a', true, { signature: machine.sign(session('b')) }),
      'false-proof',
    ],
  ])('refuses a first bind %s, and believes nothing after it', (_, one, reason) => {
    const { state, refused: said } = decide(newConnection, one);
    expect(said).toBe(reason);
    expect(state).toEqual({ binds: [], poisoned: reason });
    expect(decide(state, bind(machine, 'a', true))).toEqual({ state, refused: 'poisoned' });
    expect(mayList(state, 'running')).toBe(false);
  });

  it.each<[string, ParsedBind | null, string]>([
    ['that can not be read', null, 'malformed'],
    ['with a false proof', bind(lab, 'b', false, { signature: lab.sign(session('c')) }), 'false-proof'],
    ['of the same session with another key', bind(lab, 'a', false), 'false-proof'],
    ['of the same session with the same key', bind(machine, 'a', false), 'false-proof'],
  ])('refuses a second bind %s, and what was bound before is worth nothing', (_, one, reason) => {
    const { state, refused: said } = decide(fromMachine, one);
    expect(said).toBe(reason);
    expect(state).toEqual({ ...fromMachine, poisoned: reason });
    expect(mayList(state, 'running')).toBe(false);
  });

  it('refuses a bind after one that goes no further', () => {
    for (const forwarding of [true, false])
      expect(decide(toLab, bind(stranger, 'c', forwarding)).refused).toBe('unsupported');
  });

  it('refuses a fifth', () => {
    const names = ['b', 'c', 'd'];
    const four = connect(bind(machine, 'a', true), ...names.map((name) => bind(lab, name, true)));
    expect(four.binds).toHaveLength(4);
    expect(decide(four, bind(lab, 'e', false)).refused).toBe('unsupported');
    expect(decide({ ...four, binds: four.binds.slice(0, 3) }, bind(lab, 'e', false)).refused).toBeNull();
  });

  it('compares with every session before', () => {
    const two = connect(bind(machine, 'a', true), bind(lab, 'b', true));
    for (const name of ['a', 'b']) expect(decide(two, bind(lab, name, false)).refused).toBe('false-proof');
    expect(decide(two, bind(lab, 'c', false)).refused).toBeNull();
  });
});

describe('mayList', () => {
  it('shows keys once the machine is bound, while the lease runs', () => {
    expect(mayList(newConnection, 'running')).toBe(false);
    expect(mayList(fromMachine, 'running')).toBe(true);
    expect(mayList(toForge, 'running')).toBe(true);
    expect(mayList(fromMachine, 'over')).toBe(false);
    expect(mayList(fromMachine, 'revoked')).toBe(false);
    expect(mayList({ ...fromMachine, poisoned: 'false-proof' }, 'running')).toBe(false);
  });
});

describe('selectKeys', () => {
  const keys = [ed, rsa];
  const select = (...lists: string[][]) => selectKeys(keys, { ...policy, keys: lists });

  it('takes all without a list, and none by an empty one', () => {
    expect(select()).toEqual(keys);
    expect(select([])).toEqual([]);
  });

  it('takes by fingerprint, and by the whole comment', () => {
    expect(select([ed.fingerprint])).toEqual([ed]);
    expect(select([rsa.comment])).toEqual([rsa]);
    expect(select([rsa.comment, ed.fingerprint])).toEqual(keys);
    expect(select(['my'], ['ssh-rsa'], [''])).toEqual([]);
    expect(select([ed.comment.toUpperCase()])).toEqual([]);
  });

  it('takes what all lists name', () => {
    expect(select([ed.fingerprint, rsa.fingerprint], [rsa.comment])).toEqual([rsa]);
    expect(select([ed.fingerprint], [rsa.fingerprint])).toEqual([]);
  });

  it('leaves out what could never sign', () => {
    const others = [
      'ssh-dss',
      'ssh-ed25519-cert-v01@openssh.com',
      'ssh-rsa-cert-v01@openssh.com',
      'constructor',
      '',
    ].map((type) => key(type));
    const noKey = toShownKey({ keyBlob: Buffer.from([0]), comment: 'half a name' });
    expect(selectKeys([...others, noKey, ed], policy)).toEqual([ed]);
  });
});
