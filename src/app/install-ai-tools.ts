import { findAiTool, planAiTools } from '../bootstrap/plan-bundles.ts';
import { aiToolNames } from '../domain/bundle-names.ts';
import type { BundlePlan } from '../domain/bundle-plan.ts';
import { type BundleStep, planBundleSteps, updateAptStep } from '../domain/bundle-steps.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { RunResult } from '../domain/ssh.ts';
import { escapeText } from '../lib/escape.ts';
import { readVersion } from '../lib/tool-version.ts';
import type { AppContext } from './context.ts';
import { requireReady, selectInstance, sshTargetOf } from './select-instance.ts';

const stepTimeoutMs = 15 * 60_000;
/** The newest that one of the tools asks for. */
const leastNodeMajor = 22;

export interface AiInstallReport {
  instance: Instance;
  installed: { name: string; version: string | null }[];
  failed: { name: string; error: SpuffError }[];
}

/**
 * Which tools and which instance are meant. The last word is the instance when it is no tool.
 * @throws SpuffError `config` for a tool that there is none of, `not-found` | `usage` for the instance
 */
export function readInstallWords(
  words: readonly string[],
  wanted: { instance: string | undefined; instances: readonly Instance[]; directory: string },
): { tools: readonly string[] | 'all'; instance: Instance } {
  const isTool = (word: string) => [...aiToolNames, 'all'].some((name) => name === word.split('@')[0]);
  const last = words.at(-1) ?? '';
  const namesInstance =
    wanted.instance === undefined &&
    words.length > 1 &&
    !isTool(last) &&
    wanted.instances.some(({ name, key }) => name === last || key === last);
  const tools = namesInstance ? words.slice(0, -1) : words;
  for (const word of tools) if (!isTool(word)) findAiTool(word);
  const name = namesInstance ? last : wanted.instance;
  const instance = selectInstance(wanted.instances, { name, directory: wanted.directory });
  return { tools: tools.includes('all') ? 'all' : tools, instance };
}

/**
 * Installs AI tools on an instance, one after the other; one that fails costs no other. Nothing of this computer's
 * environment goes along: what a tool logs in with is there only if `env` of the project's file has put it there.
 * @throws SpuffError `connection`, `conflict` while the instance is not ready
 */
export async function installAiTools(
  context: AppContext,
  instance: Instance,
  tools: readonly string[] | 'all',
): Promise<AiInstallReport> {
  requireReady(instance);
  const report: AiInstallReport = { instance, installed: [], failed: [] };
  const arch = instance.arch ?? 'x86_64';
  // Refuses what there is none of before the machine is asked anything.
  planAiTools(tools, { arch, hasNode: true });
  const hasNode = await findNode(context, instance);
  const plans = planAiTools(tools, { arch, hasNode });
  if (!hasNode && plans.length > 0) await runStep(context, instance, updateAptStep);
  for (const plan of plans) {
    const step = context.progress.start(plan.name);
    try {
      const version = await installTool(context, instance, plan, (what) => step.update(what));
      step.done(version ?? '');
      report.installed.push({ name: plan.name, version });
    } catch (error) {
      step.fail();
      if (!(error instanceof SpuffError) || ['connection', 'interrupted'].includes(error.code)) throw error;
      report.failed.push({ name: plan.name, error });
    }
  }
  return report;
}

/** Also npm: Debian has them in two packages. */
async function findNode(context: AppContext, instance: Instance): Promise<boolean> {
  const node = await runOnInstance(context, instance, ['node', '--version']);
  const major = Number(/^v(\d+)[.]/.exec(node.stdout)?.[1] ?? 0);
  if (node.exitCode !== 0 || major < leastNodeMajor) return false;
  return (await runOnInstance(context, instance, ['npm', '--version'])).exitCode === 0;
}

async function installTool(
  context: AppContext,
  instance: Instance,
  plan: BundlePlan,
  onStep: (what: string) => void,
): Promise<string | null> {
  for (const step of planBundleSteps(plan)) {
    onStep(step.title);
    const result = await runStep(context, instance, step);
    if (result.exitCode !== 0) throw notInstalled(instance, plan, `${step.title}: ${lastLine(result)}`);
  }
  const [check] = plan.checks;
  if (check === undefined) return null;
  const answer = await runOnInstance(context, instance, check.argv);
  if (answer.exitCode !== 0) throw notInstalled(instance, plan, lastLine(answer));
  return readVersion(answer.stdout);
}

async function runStep(context: AppContext, instance: Instance, step: BundleStep): Promise<RunResult> {
  const env = Object.entries(step.env).map(([name, value]) => `${name}=${value}`);
  const argv = [...(env.length > 0 ? ['env', ...env] : []), ...step.argv];
  return runOnInstance(context, instance, step.asUser ? argv : ['sudo', '-n', ...argv]);
}

async function runOnInstance(
  context: AppContext,
  instance: Instance,
  argv: readonly string[],
): Promise<RunResult> {
  const ssh = await context.ssh();
  return ssh.run(sshTargetOf(instance), argv, { timeoutMs: stepTimeoutMs, signal: context.signal });
}

function notInstalled(instance: Instance, plan: BundlePlan, why: string): SpuffError {
  return new SpuffError('provider', `${plan.name} could not be installed on ${instance.name}: ${why}`, {
    hints: [
      `try it again: spuff ai install ${plan.name} --instance ${instance.name}`,
      `does the machine reach the registry? spuff exec ${instance.name} -- curl -sSI https://registry.npmjs.org/`,
    ],
  });
}

function lastLine({ stderr, stdout, exitCode }: RunResult): string {
  const line = `${stdout}\n${stderr}`.trim().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? `ended with ${exitCode}` : escapeText(line.slice(0, 300), { singleLine: true });
}
