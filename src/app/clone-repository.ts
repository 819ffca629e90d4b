import { SpuffError } from '../domain/errors.ts';
import { folderOfGitUrl } from '../domain/git-url.ts';
import type { GuardRecord } from '../domain/guard.ts';
import type { Instance } from '../domain/instance.ts';
import type { AppContext } from './context.ts';
import { openForwarding } from './open-forwarding.ts';
import { sshTargetOf } from './select-instance.ts';

/** Small images have no git. Fixed text; the packages come from the machine's own sources. */
const ensureGit = [
  'sh',
  '-c',
  'command -v git >/dev/null || sudo apt-get install -y --no-install-recommends git',
];

/**
 * Clones a repository into the home on the instance, with what a session lends: a private one needs no key on the machine.
 * One that is there already is left as it is.
 * @param url as `toGitUrl` gives it
 * @throws SpuffError `connection`; `provider` when git failed, which has said why on the terminal
 */
export async function cloneRepository(
  context: AppContext,
  instance: Instance,
  url: string,
  onRefused: (record: GuardRecord) => void,
): Promise<void> {
  const ssh = await context.ssh();
  const target = sshTargetOf(instance);
  const folder = folderOfGitUrl(url);
  const again = `try it again there: spuff exec ${instance.name} --forward-agent -- git clone ${url}`;
  const prepared = await ssh.run(target, ensureGit, { signal: context.signal });
  if (prepared.exitCode !== 0)
    throw new SpuffError('provider', `git can't be installed on ${instance.name}`, { hints: [again] });
  if ((await ssh.run(target, ['test', '-e', folder], { signal: context.signal })).exitCode === 0) {
    context.progress.note(`${folder} is on ${instance.name} already`);
    return;
  }
  const { forwardAgent, close } = await openForwarding(context, instance, onRefused);
  const session = {
    tty: 'auto' as const,
    forwardAgent,
    shared: forwardAgent === false,
    signal: context.signal,
  };
  try {
    const status = await ssh.openSession(target, ['git', 'clone', '--', url], session);
    if (status !== 0)
      throw new SpuffError('provider', `${url} could not be cloned on ${instance.name}`, { hints: [again] });
  } finally {
    await close();
  }
}
