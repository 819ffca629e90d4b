/** The policy for AWS in docs/providers.md: just what the provider asks for, and what `spuff doctor` tries. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { neededTrials, optionalTrials, otherOptional } from '../../src/providers/aws/access-trials.ts';

const project = join(import.meta.dirname, '..', '..');
const folder = join(project, 'src', 'providers', 'aws');
const ofEc2 = (trials: object) => Object.keys(trials).map((action) => `ec2:${action}`);

it('is what is tried', () => {
  const page = readFileSync(join(project, 'docs', 'providers.md'), 'utf8');
  const [, json = ''] = /```json\n(\{\n {2}"Version": "2012-10-17".*?)```/s.exec(page) ?? [];
  const { Statement } = JSON.parse(json) as { Statement: { Action: string[]; Effect: string }[] };
  expect(Statement.map(({ Action }) => Action)).toEqual([
    ofEc2(neededTrials).sort(),
    [...ofEc2(optionalTrials), ...otherOptional].sort(),
  ]);
  expect(Statement.map(({ Effect }) => Effect)).toEqual(['Allow', 'Allow']);
});

it('has all that the provider asks of AWS', () => {
  const asked = new Set<string>();
  for (const file of readdirSync(folder).filter((name) => !/test\.ts$|^access/.test(name))) {
    const text = readFileSync(join(folder, file), 'utf8');
    const verbs = 'Authorize|Create|Delete|Deregister|Describe|Modify|Release|Revoke|Run|Terminate';
    for (const [, action = ''] of text.matchAll(new RegExp(`'((?:${verbs})[A-Z][A-Za-z]+)'`, 'g')))
      asked.add(`ec2:${action}`);
    const targets = /'(AmazonSSM|ServiceQuotas\w+|AWSPriceListService)\.(\w+)'/g;
    const services: Record<string, string> = { AmazonSSM: 'ssm', AWSPriceListService: 'pricing' };
    for (const [, service = '', action = ''] of text.matchAll(targets))
      asked.add(`${services[service] ?? 'servicequotas'}:${action}`);
  }
  const tried = [...ofEc2(neededTrials), ...ofEc2(optionalTrials), ...otherOptional];
  expect([...asked].sort()).toEqual(tried.sort());
});
