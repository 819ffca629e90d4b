import { afterAll, beforeAll, describe, it } from 'vitest';
import type { InstanceKey } from '../../src/domain/ids.ts';
import type { Runtime } from '../../src/domain/provider.ts';
import type { HttpsAnswer } from '../../src/lib/https.ts';
import type { Random } from '../simulation/random.ts';
import { type Cloud, openCloud, operations } from './clouds.ts';
import { mutateBytes, mutateJson } from './mutate.ts';
import { fuzz, inputsWanted } from './run-fuzz.ts';

/** A call of a provider, and what comes back to its requests, one after the other; the last one for all after it. */
interface Scene {
  operation: string;
  id: string;
  key: InstanceKey;
  answers: [HttpsAnswer, ...HttpsAnswer[]];
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
  let count = 0;
  const transport = async () => {
    nowMs += 500;
    return answers[Math.min(count++, answers.length - 1)] ?? answers[0];
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
      inputsWanted / 100,
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
