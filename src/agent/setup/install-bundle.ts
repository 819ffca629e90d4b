/** A bundle or an AI tool: what its plan says, then what its checks find. */
import { type BundleStep, planBundleSteps } from '../../domain/bundle-steps.ts';
import { escapeText } from '../../lib/escape.ts';
import { readVersion } from '../../lib/tool-version.ts';
import type { BundlePlan } from '../../protocol/setup-schema.ts';
import { isInstalled, listInstalled } from './install-packages.ts';
import { describeEnd } from './run-logged.ts';
import type { PartOutcome, PartTools } from './setup-scene.ts';
import type { SetupItem } from './status-board.ts';

const checkSeconds = 60;

export async function installBundle(tools: PartTools, plan: BundlePlan): Promise<PartOutcome> {
  const troubles: string[] = [];
  for (const step of planBundleSteps(plan)) {
    const why = await runStep(tools, step);
    if (why === null) continue;
    tools.log(`${step.title}: ${why}`);
    troubles.push(`${escapeText(step.title, { singleLine: true })}: ${why}`);
    if (step.required) return { state: 'failed', detail: troubles.join('; '), items: [] };
  }
  const items: SetupItem[] = [];
  for (const check of plan.checks) items.push(await checkTool(tools, check));
  const missing = items.filter(({ state }) => state === 'failed').map(({ name }) => name);
  if (missing.length > 0) {
    const what = `missing: ${missing.join(', ')}`;
    return { state: 'failed', detail: [what, ...troubles].join('; '), items };
  }
  const lacking = items.filter(({ state }) => state === 'skipped').map(({ name }) => name);
  return { state: 'done', detail: lacking.length === 0 ? null : `without ${lacking.join(', ')}`, items };
}

/** @returns why it failed; null: it did not */
async function runStep(tools: PartTools, step: BundleStep): Promise<string | null> {
  const program = step.argv[0];
  const work = async () => {
    // Mostly the packages of all bundles are there by now, of the one transaction.
    if (program === 'apt-get' && (await hasPackages(tools, step.argv))) return null;
    tools.tell(step.title);
    const ended = await tools.exec({ argv: step.argv, asUser: step.asUser, env: step.env });
    return ended.exitCode === 0 ? null : describeEnd(ended);
  };
  if (program === 'apt-get') return tools.locks.apt(work);
  return program === 'npm' ? tools.locks.npm(work) : work();
}

async function hasPackages(tools: PartTools, argv: readonly string[]): Promise<boolean> {
  const end = argv.indexOf('--');
  const specs = end < 0 ? [] : argv.slice(end + 1);
  if (specs.length === 0) return false;
  const installed = await listInstalled(tools, specs);
  return specs.every((spec) => isInstalled(spec, installed));
}

/** Asked in a login shell, so that it is found where the user would find it; without the project's variables. */
async function checkTool(tools: PartTools, check: BundlePlan['checks'][number]): Promise<SetupItem> {
  const { tool: name, argv, required } = check;
  const ended = await tools.exec({
    argv: ['bash', '-l', '-c', 'exec "$@"', 'check', ...argv],
    asUser: true,
    env: { SPUFF_SESSION_ENV: 'off' },
    timeoutSeconds: checkSeconds,
  });
  if (ended.exitCode === 0) {
    const version = readVersion(ended.stdout) ?? readVersion(ended.lastLines.join('\n'));
    return { name, state: 'done', detail: version };
  }
  return { name, state: required ? 'failed' : 'skipped', detail: describeEnd(ended).slice(0, 200) };
}
