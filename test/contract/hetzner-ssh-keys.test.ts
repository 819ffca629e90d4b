/** Login keys in a project of Hetzner's: whose they are, who needs them, and when they go. */
import { describe, expect, test } from 'vitest';
import type { VmSpec } from '../../src/domain/provider.ts';
import { simToken } from '../simulators/hetzner/hetzner-cloud.ts';
import type { SimRequest } from '../simulators/sim-server.ts';
import { removeAll } from './cloud-conformance.ts';
import { collect } from './collect.ts';
import { failureOf, publicKey, useHetzner } from './use-hetzner.ts';

const { harness, provider, within, create, sent } = await useHetzner();

describe('login keys', () => {
  const keyed = (change: Partial<VmSpec> = {}) =>
    harness.makeSpec({ sshPublicKeys: [`${publicKey} ana@laptop`], ...change });
  const userKey = { name: 'my laptop', public_key: `${publicKey} ana@laptop` };
  const names = () => [...harness.cloud.state.sshKeys.values()].map(({ name }) => name);

  async function registerByHand(): Promise<void> {
    const headers = { authorization: `Bearer ${simToken}`, 'content-type': 'application/json' };
    const url = `${harness.baseUrl.href}/ssh_keys`;
    const { status } = await fetch(url, { method: 'POST', headers, body: JSON.stringify(userKey) });
    expect(status).toBe(201);
  }

  test('are registered once, and go with the last machine that needs them', async () => {
    const [one, two] = [keyed(), keyed()];
    await create(one);
    await create(two);
    expect(names()).toEqual([expect.stringMatching(/^spuff-[0-9a-f]{32}$/)]);
    expect(sent('POST', /ssh_keys$/)).toHaveLength(1);
    await removeAll(provider, one, harness);
    expect(names()).toHaveLength(1);
    await removeAll(provider, two, harness);
    expect(harness.cloud.inventory()).toEqual({});
  });

  test('that the user registered are used, and stay', async () => {
    await registerByHand();
    const spec = keyed();
    await create(spec);
    expect(JSON.parse(sent('POST', /servers$/)[0]!.body).ssh_keys).toEqual([
      [...harness.cloud.state.sshKeys.keys()][0],
    ]);
    await removeAll(provider, spec, harness);
    expect(await collect(provider.leftovers(null, within()))).toEqual([]);
    expect(names()).toEqual(['my laptop']);
  });

  test('that bear a copied label and the user’s own name stay', async () => {
    await registerByHand();
    const [key] = harness.cloud.state.sshKeys.values();
    const { key: other } = keyed();
    Object.assign(key!, { labels: { 'spuff.kind': 'sshkey', 'spuff.key': other } });
    expect(await collect(provider.leftovers(null, within()))).toEqual([]);
    const leftover = { kind: 'sshkey', id: String(key?.id), name: 'x', key: other, billed: false } as const;
    const error = await failureOf(provider.removeLeftover(leftover, within()));
    expect(error).toMatchObject({ providerCode: 'protected' });
    expect(names()).toEqual(['my laptop']);
  });

  test('that another spuff takes away just before the order are registered again', async () => {
    const { sim, isCreate, cloud } = harness;
    const match = (request: SimRequest) => {
      if (isCreate(request)) cloud.state.sshKeys.clear();
      return false;
    };
    sim.fail({ kind: 'answer', match });
    // The line takes them away at each order: once only.
    const spec = keyed();
    const creating = create(spec);
    const error = await failureOf(creating);
    expect(error).toMatchObject({ providerCode: 'invalid', info: { field: 'ssh_keys' } });
    expect(sent('POST', /servers$/)).toHaveLength(3);
    sim.healAll();
    let taken = false;
    sim.fail({
      kind: 'answer',
      match: (request) => {
        if (isCreate(request) && !taken) cloud.state.sshKeys.clear();
        taken ||= isCreate(request);
        return false;
      },
    });
    expect(await create(spec)).toMatchObject({ key: spec.key });
    expect(sent('POST', /servers$/)).toHaveLength(5);
  });

  test('whose name another key bears are not forced', async () => {
    const spec = keyed();
    const [request] = provider.plan(spec).requests;
    const { name } = request!.body as { name: string };
    const state = harness.cloud.state;
    const id = state.nextId();
    state.sshKeys.set(id, {
      id,
      name,
      publicKey: 'ssh-rsa AAAA',
      fingerprint: 'x',
      createdMs: 0,
      labels: {},
    });
    expect(await failureOf(create(spec))).toMatchObject({ providerCode: 'name-taken' });
    expect(harness.cloud.machineIds()).toEqual([]);
  });
});
