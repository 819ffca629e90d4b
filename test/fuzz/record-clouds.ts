/** Writes anew what the simulated clouds answer, as the corpus of the providers: node test/fuzz/record-clouds.ts */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Provider } from '../../src/domain/provider.ts';
import type { Transport } from '../../src/lib/api-client.ts';
import { requestHttps } from '../../src/lib/https.ts';
import { makeHarness as makeAws } from '../simulators/aws/harness.ts';
import { makeHarness as makeDigitalOcean } from '../simulators/digitalocean/harness.ts';
import { makeHetznerHarness } from '../simulators/hetzner/harness.ts';
import { type Cloud, type CloudAnswer, nameRequest, openCloud, operations } from './clouds.ts';

const corpus = join(import.meta.dirname, 'corpus');

async function record(
  cloud: Cloud,
  harness: Awaited<ReturnType<typeof makeAws | typeof makeDigitalOcean | typeof makeHetznerHarness>>,
  address: URL,
  token: string,
) {
  const spec = harness.makeSpec();
  const vm = await harness.provider.create(spec, harness.within(600_000));
  await harness.provider.waitFor(vm.id, 'running', harness.within(600_000));
  let answers: CloudAnswer[] = [];
  const transport: Transport = async (request) => {
    const answer = await requestHttps(request);
    answers.push({ asked: nameRequest(request), status: answer.status, headers: {}, body: answer.body });
    return answer;
  };
  const provider: Provider = openCloud(cloud, harness.clock, transport, address, token);
  for (const [name, run] of Object.entries(operations)) {
    answers = [];
    await run(provider, { id: vm.id, key: spec.key }, harness.within(600_000)).catch(() => undefined);
    const kept = answers.map((answer) => ({ ...answer, body: shorten(answer.body) }));
    const scene = { operation: name, id: vm.id, key: spec.key, answers: kept };
    const text = `${JSON.stringify(scene)}
`;
    // Large ones take so long that they would hold up the others.
    const folder = join(corpus, text.length > 12_000 ? `${cloud}-large` : cloud);
    mkdirSync(folder, { recursive: true });
    if (answers.length > 0) writeFileSync(join(folder, name), text);
  }
  await harness.sim.stop();
}

/** Of a list two are enough: they are all alike. */
function shorten(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), (_key, value) =>
      Array.isArray(value) ? value.slice(0, 2) : value,
    );
  } catch {
    return body.replace(
      /((?:<item>(?:(?!<item>)[\s\S])*?<\/item>\s*){2})(?:<item>(?:(?!<item>)[\s\S])*?<\/item>\s*)+/g,
      '$1',
    );
  }
}

const hetzner = await makeHetznerHarness();
await record('hetzner', hetzner, hetzner.baseUrl, 'read-write');
const ocean = await makeDigitalOcean();
await record('digitalocean', ocean, new URL(ocean.address), ocean.token);
const aws = await makeAws();
await record('aws', aws, new URL(aws.address), '');
