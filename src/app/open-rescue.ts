/** The rescues on this computer: which one is meant, and what is written beside the files of one that was unpacked. */
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import {
  headRef,
  type Rescue,
  type RescuedRepository,
  type RescueSummary,
  rescueFiles,
  stashRefs,
  type UnpackedRescue,
} from '../domain/rescue.ts';
import { writeFileAtomically } from '../lib/atomic-file.ts';
import { escapeText } from '../lib/escape.ts';
import { quoteArgument } from '../lib/shell-quote.ts';
import type { AppContext } from './context.ts';
import { describeOne } from './rescue-before-end.ts';

/**
 * The rescue of this name, else the newest of the instance of this name.
 * @throws SpuffError `not-found`, naming what there is
 */
export function selectRescue(rescues: readonly Rescue[], wanted: string): Rescue {
  const found =
    rescues.find(({ name }) => name === wanted) ?? rescues.find((one) => one.instanceName === wanted);
  if (found) return found;
  const names = rescues.slice(0, 10).map(({ name }) => name);
  throw new SpuffError('not-found', `there is no rescue ${JSON.stringify(wanted)}`, {
    hints: [names.length === 0 ? 'make one: spuff rescue NAME' : `there are: ${names.join(', ')}`],
  });
}

/**
 * Unpacks one, and puts beside it how to go on.
 * @param request.to null: a folder of its name, in the working directory
 * @throws SpuffError as `RescueStore.unpack`
 */
export async function openRescue(
  context: AppContext,
  rescue: Rescue,
  request: { to: string | null; identityPath: string | null },
): Promise<UnpackedRescue> {
  const store = await context.rescues();
  const directory = request.to ?? join(context.directory, rescue.name);
  const step = context.progress.start(`${rescue.name} unpacked`);
  try {
    const { identityPath } = request;
    const unpacked = await store.unpack(rescue, { directory, identityPath, signal: context.signal });
    writeFileAtomically(join(directory, 'README.md'), describeRescue(rescue, unpacked.summary));
    step.done();
    return unpacked;
  } catch (error) {
    step.fail();
    throw error;
  }
}

/** Every text of the machine's is escaped, and no command is made of one. */
export function describeRescue(rescue: Rescue, { repositories, leftOut }: RescueSummary): string {
  const head = [
    `# ${rescue.name}`,
    `Work that was only on ${rescue.instanceName} (${rescue.provider}) at ${rescue.createdAt.toISOString()}.`,
    'Run the commands in a clone of the repository, where it has no changes. `RESCUE` stands for this folder.',
  ];
  const parts = repositories.map((one) => describeRepository(one));
  const left = leftOut.map((one) => `- ${describeOne(one)}`);
  const rest = left.length === 0 ? [] : ['## Left out', left.join('\n')];
  return `${[...head, ...parts, ...rest].join('\n\n')}\n`;
}

function describeRepository(one: RescuedRepository): string {
  const shown = (text: string) => escapeText(text, { singleLine: true }).replaceAll('`', "'");
  const place = [
    `- on the machine: \`~/${shown(one.path)}\`, a ${one.kind}`,
    ...(one.remote === null ? [] : [`- origin: \`${shown(one.remote)}\``]),
    ...(one.head === null
      ? []
      : [`- was at: \`${shown(one.head)}\`${one.branch === null ? '' : ` on \`${shown(one.branch)}\``}`]),
  ];
  return [`## ${one.directory}`, place.join('\n'), ...commandsFor(one)].join('\n\n');
}

function commandsFor(one: RescuedRepository): string[] {
  const { directory, commits, stashes, hasStaged, hasChanges, inMerge, untracked } = one;
  const file = (name: string) => `"$RESCUE"/${quoteArgument(`${directory}/${name}`)}`;
  const steps: [boolean, string, string][] = [
    [
      commits > 0,
      `Commits that no remote had: ${commits}. Branches are in \`refs/rescued/heads\`, a commit that was on none in \`refs/rescued/${headRef.slice(5)}\`:`,
      `git fetch ${file(rescueFiles.commits)} '+refs/*:refs/rescued/*'\ngit for-each-ref refs/rescued`,
    ],
    [
      stashes > 0,
      `Stashes: ${stashes}, the newest is 000:`,
      `git stash apply refs/rescued/${stashRefs.slice(5)}/000`,
    ],
    [hasStaged, 'What was staged:', `git apply --index ${file(rescueFiles.staged)}`],
    [
      hasChanges,
      inMerge
        ? 'A merge was going on. What the files were like, with their conflicts:'
        : `What was changed${hasStaged ? ' and not staged' : ''}:`,
      `git apply ${file(rescueFiles.changes)}`,
    ],
    [untracked > 0, `Untracked files: ${untracked}.`, `cp -Rn ${file(rescueFiles.untracked)}/. .`],
  ];
  return steps.filter(([has]) => has).map(([, text, command]) => `${text}\n\n\`\`\`sh\n${command}\n\`\`\``);
}
