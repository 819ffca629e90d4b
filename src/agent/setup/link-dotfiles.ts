import type { SetupOrder } from '../../protocol/setup-schema.ts';
import { cloneOne } from './clone-repositories.ts';
import { describeEnd } from './run-logged.ts';
import type { PartOutcome, PartTools } from './setup-scene.ts';

/**
 * Runs as the login user in their home: it is theirs, and root has no business in it. The argument is the folder. Prints
 * what it did, a word and a name a line.
 */
const dotfilesScript = `set -u
folder=$1
for script in install.sh bootstrap.sh setup.sh install bootstrap setup; do
  if [ -f "$folder/$script" ] && [ -x "$folder/$script" ]; then
    echo "ran $script"
    cd -- "$folder" && exec "./$script"
  fi
done
cd -- "$folder" || exit 1
home=$HOME
for name in .[!.]*; do
  case $name in
    .git | .github | .gitlab | .gitignore | .gitmodules | .gitattributes | .gitlab-ci.yml | .editorconfig) continue ;;
  esac
  [ -e "$name" ] || [ -L "$name" ] || continue
  if [ "$home/$name" -ef "$name" ]; then
    echo "linked $name"
  elif [ -e "$home/$name" ] || [ -L "$home/$name" ]; then
    echo "left $name"
  elif ln -s -- "$PWD/$name" "$home/$name"; then
    echo "linked $name"
  else
    exit 1
  fi
done
`;

/** Clones the dotfiles, and has their own script put them in place; without one their files are linked, over nothing. */
export async function installDotfiles(
  tools: PartTools,
  dotfiles: NonNullable<SetupOrder['dotfiles']>,
): Promise<PartOutcome> {
  const cloned = await cloneOne(tools, dotfiles);
  if (cloned.state === 'failed') return { state: 'failed', detail: cloned.detail };
  tools.tell('putting them in place');
  const argv = ['bash', '-c', dotfilesScript, 'dotfiles', dotfiles.path];
  const env = { SSH_AUTH_SOCK: tools.places.lentAgent, SPUFF_SESSION_ENV: 'off' };
  const ended = await tools.exec({ argv, asUser: true, env });
  if (ended.exitCode !== 0) return { state: 'failed', detail: describeEnd(ended) };
  const words = ended.stdout.split('\n').map((line) => line.split(' '));
  const script = words[0]?.[0] === 'ran' ? words[0][1] : undefined;
  if (script !== undefined) return { state: 'done', detail: `ran ${script}` };
  const named = (verb: string) => words.flatMap(([word, name]) => (word === verb && name ? [name] : []));
  const left = named('left');
  const detail = `${named('linked').length} linked${left.length === 0 ? '' : `; already there, and left: ${left.join(', ')}`}`;
  return { state: 'done', detail };
}
