import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildUserData } from '../../src/bootstrap/user-data.ts';
import { hashAgentToken, makeAgentToken } from '../../src/lib/agent-token.ts';
import { makeHostKey } from '../../src/ssh/host-key.ts';
import type { CloudHarness } from '../contract/cloud-harness.ts';
import { makeHarness as makeAws } from '../simulators/aws/harness.ts';
import { makeHarness as makeDigitalOcean } from '../simulators/digitalocean/harness.ts';
import { makeHarness as makeHetzner } from '../simulators/hetzner/harness.ts';

// W4: the provider is told no usable secret: of the agent's token its hash alone, and a host key that is worthless soon.

const clouds: [string, () => Promise<CloudHarness>][] = [
  ['digitalocean', makeDigitalOcean],
  ['hetzner', makeHetzner],
  ['aws', makeAws],
];
const canary = `dop_v1_${randomBytes(32).toString('hex')}`;

/** A text in the forms that a request may carry it in. */
function formsOf(text: string): string[] {
  const base64 = [0, 1, 2].map((skip) => Buffer.from(text).subarray(skip).toString('base64').slice(0, -4));
  return [
    text,
    encodeURIComponent(text),
    Buffer.from(text).toString('hex'),
    ...base64.map((form) => form.slice(0, 40)),
  ];
}

/** JSON in JSON: without the backslashes of both. */
function unescapeText(text: string): string {
  return text.replaceAll(/\\+n/g, '\n').replaceAll('\\', '');
}

/** What a request says, also where it is form-encoded or holds base64. */
function readable(body: string): string {
  const plain = decodeURIComponent(body.replaceAll('+', ' ').replace(/%(?![0-9A-Fa-f]{2})/g, '%25'));
  const decoded = [...plain.matchAll(/[A-Za-z0-9+/]{200,}={0,2}/g)].map(([text]) =>
    Buffer.from(text, 'base64').toString(),
  );
  return [body, plain, ...decoded].map((text) => `${text}\n${unescapeText(text)}`).join('\n');
}

describe.each(clouds)('what %s is told', (_name, make) => {
  let harness: CloudHarness;
  beforeAll(async () => {
    process.env['SPUFF_API_TOKEN'] = canary;
    process.env['SOME_OTHER_SECRET'] = canary;
    harness = await make();
  });
  afterAll(async () => {
    delete process.env['SPUFF_API_TOKEN'];
    delete process.env['SOME_OTHER_SECRET'];
    await harness.cleanUp();
    await harness.sim.stop();
  });

  it('holds no token of the user, no key that logs in, and of the agent’s token its hash', async () => {
    const [login, hostKey, agentToken] = [makeHostKey('login'), makeHostKey('one-time'), makeAgentToken()];
    const key = harness.makeSpec().key;
    const userData = buildUserData({
      ...{ user: 'dev', hostName: 'demo', key, sshPublicKeys: [login.publicKey], injectedHostKey: hostKey },
      agentTokenSha256: hashAgentToken(agentToken),
      maxUserDataBytes: harness.provider.caps.maxUserDataBytes,
    });
    const spec = harness.makeSpec({ key, name: `spuff-${key}`, userData, sshPublicKeys: [login.publicKey] });
    await harness.provider.create(spec, harness.within(600_000));
    const told = harness.sim.requests.map(({ path, body }) => readable(`${path}\n${body}`)).join('\n');
    const isTold = (text: string) => told.includes(text);
    const privateLogin = login.privateKey.reveal().split('\n').slice(3, -2);
    expect([canary, agentToken.reveal(), ...privateLogin].flatMap(formsOf).filter(isTold)).toEqual([]);
    // The search reads what is told: the hash, the user and the one-time key are there.
    const [, , oneTime = ''] = hostKey.privateKey.reveal().split('\n');
    expect([hashAgentToken(agentToken), '"name":"dev"', oneTime].map(isTold)).toEqual([true, true, true]);
  });
});
