import { describe, it } from 'vitest';
import * as yaml from 'yaml';
import { parseConfig } from '../../src/state/config-document.ts';
import { parseProjectGuard, parseUserFile } from '../../src/state/guard-yaml.ts';
import { parsePolicy } from '../../src/state/policy-document.ts';
import { parseProject, parseSecrets, toFileProblems } from '../../src/state/project-document.ts';
import { readPlainConfig } from '../../src/state/read-plain-config.ts';
import { type FuzzTarget, fuzz } from './run-fuzz.ts';

const path = '/p/file.yaml';

const targets: readonly FuzzTarget[] = [
  {
    name: 'spuff.yaml',
    parse: (input) => {
      const { parsed, problems } = parseProject(yaml, input.toString('utf8'), path);
      toFileProblems(path, parsed, problems);
      if (problems.length > 0) throw parsed.toError(problems);
    },
  },
  {
    name: 'spuff.secrets.yaml',
    parse: (input) => {
      const { parsed, problems } = parseSecrets(yaml, input.toString('utf8'), path);
      if (problems.length > 0) throw parsed.toError(problems);
    },
  },
  {
    name: 'config.yaml',
    parse: (input) => {
      const text = input.toString('utf8');
      readPlainConfig(text);
      parseConfig(yaml, text, path).check();
    },
  },
  { name: 'guard.yaml', parse: (input) => parseUserFile(yaml, input.toString('utf8'), path) },
  { name: 'guard-of-project', parse: (input) => parseProjectGuard(yaml, input.toString('utf8'), path) },
  { name: 'policy.yaml', parse: (input) => parsePolicy(yaml, input.toString('utf8'), path) },
];

describe('files in YAML', () => {
  for (const target of targets) {
    it(`${target.name} is read or refused, whatever it says`, async ({ expect }) => {
      const { failures, taken, inputs } = await fuzz(target);
      expect(failures).toEqual([]);
      expect(taken).toBeGreaterThan(0);
      expect(taken).toBeLessThan(inputs);
    });
  }
});
