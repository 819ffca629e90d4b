import { afterAll, beforeAll, describe, it } from 'vitest';
import type { InstanceKey } from '../../src/domain/ids.ts';
import type { Runtime } from '../../src/domain/provider.ts';
import type { HttpsRequest } from '../../src/lib/https.ts';
import type { Random } from '../simulation/random.ts';
import { type Cloud, type CloudAnswer, nameRequest, openCloud, operations } from './clouds.ts';
import { mutateBytes, mutateJson } from './mutate.ts';
import { fuzz, inputsWanted } from './run-fuzz.ts';

/** A call of a provider, and what comes back to its requests: to those of a kind one after the other, then the last of them. */
interface Scene {
  operation: string;
  id: string;
  key: InstanceKey;
  answers: [CloudAnswer, ...CloudAnswer[]];
}

const startMs = Date.UTC(2026, 0, 1);

/** One answer says something else; JSON stays JSON most of the time. */
function mutateScene(input: Buffer, random: Random): Buffer {
  const scene = JSON.parse(input.toString('utf8')) as Scene;
  const answer = random.pick(scene.answers);
  const body = Buffer.from(answer.body);
  const isJson = /^[[{]/.test(answer.body);
  answer.body = (isJson ? mutateJson(body, random) : mutateBytes(body, random)).toString('utf8');
  if (random.chance(0.1))
    answer.status = random.pick([200, 204, 400, 401, 403, 404, 409, 422, 423, 429, 500, 503]);
  return Buffer.from(`${JSON.stringify(scene)}\n`);
}

async function play(cloud: Cloud, input: Buffer): Promise<void> {
  const { operation, id, key, answers } = JSON.parse(input.toString('utf8')) as Scene;
  let nowMs = startMs;
  const runtime: Runtime = {
    now: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
    random: () => 0.5,
  };
  const unread = [...answers];
  const transport = async (request: HttpsRequest) => {
    nowMs += 500;
    const name = nameRequest(request);
    const next = unread.findIndex(({ asked }) => asked === name);
    if (next >= 0) return unread.splice(next, 1)[0] ?? answers[0];
    return answers.findLast(({ asked }) => asked === name) ?? answers[0];
  };
  const provider = openCloud(cloud, runtime, transport, new URL('https://cloud.example/v1'));
  const options = { signal: new AbortController().signal, deadline: new Date(startMs + 60_000) };
  await operations[operation]?.(provider, { id, key }, options);
}

describe('answers of a cloud', () => {
  // Nobody reads what is sent, and to sign it takes longer than to understand the answer.
  const unsigned = { importKey: async () => ({}), sign: async () => nothing, digest: async () => nothing };
  const nothing = new ArrayBuffer(32);
  const { subtle } = crypto;
  beforeAll(() => void Object.defineProperty(crypto, 'subtle', { value: unsigned, configurable: true }));
  afterAll(() => void Object.defineProperty(crypto, 'subtle', { value: subtle, configurable: true }));

  it('aws: so it is with its large answers, of which there are fewer', async ({ expect }) => {
    const parse = (input: Buffer) => play('aws', input);
    const { failures, taken } = await fuzz(
      { name: 'aws-large', parse, mutate: mutateScene },
      inputsWanted / 20,
    );
    expect(failures).toEqual([]);
    expect(taken).toBeGreaterThan(0);
  });

  for (const name of ['hetzner', 'digitalocean', 'aws'] as const) {
    it(`${name}: whatever it says is understood, or an error of the provider`, async ({ expect }) => {
      const parse = (input: Buffer) => play(name, input);
      const { failures, taken } = await fuzz({ name, parse, mutate: mutateScene });
      expect(failures).toEqual([]);
      expect(taken).toBeGreaterThan(0);
    });
  }
});
