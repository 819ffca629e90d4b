/** `guard:` of a project's file: read as the user's policy is (guard-document.ts), and in JSON Schema. */
import { forgeNames } from '../domain/forge-keys.ts';
import { commitSigningModes, confirmModes } from '../domain/guard.ts';
import type { GuardFile } from '../domain/guard-policy.ts';
import { highestRate, readGuardMap } from './guard-document.ts';
import { type JsonSchema, type Rule, refuse } from './yaml-rules.ts';

const texts = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const duration = { type: 'string', pattern: '^(?:[0-9]{1,6}[smhd])+$' };

const schema: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    keys: {
      ...texts({ type: 'string', minLength: 1 }),
      description: 'Fingerprints or comments of the keys that may be used.',
    },
    forges: { ...texts({ enum: forgeNames }), description: 'The built-in forges that may be logged in to.' },
    hosts: {
      ...texts({
        type: 'object',
        additionalProperties: false,
        required: ['host'],
        properties: {
          host: { type: 'string', minLength: 1 },
          users: texts({ type: 'string', pattern: '^[A-Za-z0-9_][A-Za-z0-9._@+\\-]{0,63}$' }),
          host_keys: texts({ type: 'string', pattern: '^\\s*(?:ssh-|ecdsa-)\\S+\\s+AAAA' }),
        },
      }),
      description: 'Which of your other hosts may be logged in to.',
    },
    confirm: { enum: confirmModes, description: 'Whether you are asked.' },
    confirm_timeout: { ...duration, description: 'How long a question waits, at most 10m.' },
    lease: { ...duration, description: 'How long a session may use your keys, at most 8h.' },
    rate: { type: 'integer', minimum: 1, maximum: highestRate, description: 'Signatures a minute.' },
    commit_signing: { enum: commitSigningModes, description: 'Whether commits may be signed.' },
  },
};

/** The part that its problems bear, so that a session can go on where only the rest of the file is wrong. */
export const guardPart = 'guard';

export const guardRule: Rule<GuardFile> = {
  schema,
  // A guard that says nothing was meant to say something.
  readsNothing: true,
  read: (reading, node, path) => {
    const before = reading.problems.length;
    const value = readGuard();
    for (const problem of reading.problems.slice(before)) problem.part = guardPart;
    return value && { value };

    function readGuard(): GuardFile | null {
      if (!reading.yaml.isMap(node)) {
        return refuse(reading, node, `expected settings of the ${path}, of the form key: value`);
      }
      const { file, problems } = readGuardMap(reading.yaml, node, 'project');
      reading.problems.push(...problems);
      return problems.length === 0 ? file : null;
    }
  },
};
