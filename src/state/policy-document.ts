/** What a policy says in YAML, and everything that is wrong with it. */
import type { YAMLMap } from 'yaml';
import { confirmModes } from '../domain/guard.ts';
import { parseMoneyLimit } from '../domain/money.ts';
import {
  firewallRules,
  forwardAgentRules,
  type PolicyRule,
  type PolicyRuleName,
  policyRuleNames,
} from '../domain/policy.ts';
import { findSecretInText, secretError } from './scan-config.ts';
import { offsetOf, parseYaml, type Yaml } from './yaml-document.ts';
import {
  type Reading,
  readChoice,
  readDuration,
  readFields,
  readList,
  readText,
  refuse,
} from './yaml-fields.ts';

/**
 * @returns its rules, each with its place
 * @throws SpuffError `config` naming the line of everything that is wrong
 */
export function parsePolicy(yaml: Yaml, text: string, path: string): PolicyRule[] {
  const secret = findSecretInText(text);
  if (secret) throw secretError(`${path}:${secret.line}:${secret.column}`, secret.kind);
  const parsed = parseYaml(yaml, text, path, `mend it in an editor, or ask who keeps it: ${path}`);
  const { contents } = parsed.document;
  // A file of comments alone, or of `---`.
  if (contents === null || (yaml.isScalar(contents) && contents.value === null)) return [];
  if (!yaml.isMap(contents)) {
    const message = 'expected rules, of the form name: value';
    throw parsed.toError([{ offset: offsetOf(contents), message }]);
  }
  const reading: Reading = { yaml, problems: [] };
  const nodes = readFields(reading, contents as YAMLMap, 'rule', policyRuleNames);
  const rules = policyRuleNames.flatMap((name) => {
    if (!nodes.has(name)) return [];
    const node = nodes.get(name);
    const value = readers[name](reading, node, name);
    // The place of the rule, not of its value, which may begin on the next line.
    const key = contents.items.find((item) => yaml.isScalar(item.key) && item.key.value === name)?.key;
    return value === null ? [] : [{ name, value, where: parsed.where(offsetOf(key)) } as PolicyRule];
  });
  if (reading.problems.length > 0) throw parsed.toError(reading.problems);
  return rules;
}

type Reader = (reading: Reading, node: unknown, name: string) => PolicyRule['value'] | null;

const readNames: Reader = (reading, node, name) =>
  readList(reading, node, name, (_reading, item) =>
    readText(reading, item, name, 'a name, or a pattern such as eu-*', (text) =>
      /^[\w.*?-]{1,100}$/.test(text) ? text : null,
    ),
  );

const readTime: Reader = (reading, node, name) =>
  readDuration(reading, node, name, Number.POSITIVE_INFINITY, '3650d');

const readers: Readonly<Record<PolicyRuleName, Reader>> = {
  providers: readNames,
  regions: readNames,
  sizes: readNames,
  max_lifetime: readTime,
  idle_timeout: readTime,
  firewall: (reading, node, name) => readChoice(reading, node, name, firewallRules),
  forward_agent: (reading, node, name) => readChoice(reading, node, name, forwardAgentRules),
  confirm: (reading, node, name) => readChoice(reading, node, name, confirmModes),
  tailscale: (reading, node, name) => readChoice(reading, node, name, ['required'] as const),
  monthly_budget: (reading, node, name) => {
    const expected = 'an amount and its currency, such as 500EUR';
    const readOne = (one: unknown) => readText(reading, one, name, expected, parseMoneyLimit);
    if (!reading.yaml.isSeq(node)) {
      const limit = readOne(node);
      return limit && [limit];
    }
    const limits = readList(reading, node, name, (_reading, item) => readOne(item));
    return limits?.length === 0 ? refuse(reading, node, `${name}: expected ${expected}`) : limits;
  },
};
