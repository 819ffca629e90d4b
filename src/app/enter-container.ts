/** Sessions and commands of a project with a devcontainer.json are in its container, not on the machine around it. */
import { enterContainerPath } from '../domain/devcontainer.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { AppContext } from './context.ts';

/** Fixed text. Arguments: the way in, the instance's name, the command. */
const enterScript = `enter=$1 name=$2
shift 2
[ ! -x "$enter" ] || exec "$enter" "$@"
echo "there is no dev container on $name yet" >&2
echo "  bring it up: spuff setup $name" >&2
echo "  a session on the machine itself: spuff ssh $name --host; a command: spuff exec $name --host -- CMD" >&2
exit 1`;

/** Whether the project of an instance has one. A file that is wrong must not keep anybody out. */
export async function isInContainer(context: AppContext, { directory }: Instance): Promise<boolean> {
  try {
    return ((await context.project(directory))?.container ?? null) !== null;
  } catch (error) {
    if (!(error instanceof SpuffError)) throw error;
    context.progress.warn(`this is on the machine, in no dev container: ${error.message}`, error.hints);
    return false;
  }
}

/** @param argv none: the login shell of the container's user */
export function enterContainer({ name }: Pick<Instance, 'name'>, argv: readonly string[]): string[] {
  return ['sh', '-c', enterScript, 'spuff-enter', enterContainerPath, name, ...argv];
}
