import { once } from 'node:events';
import { SpuffError } from '../domain/errors.ts';
import { exitCodeOf, startProcess } from '../lib/process.ts';

/**
 * Opens a file in the user's editor and waits for its end.
 * @throws SpuffError `unavailable` when there is no such editor, `interrupted` when it ended with an error
 */
export async function editFile(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  // Such as `code --wait`: a program and its arguments, as git takes it, but read by no shell.
  const editor = (env['VISUAL'] || env['EDITOR'] || 'vi').split(/\s+/).filter((word) => word !== '');
  const child = await startProcess([...editor, path], { stdio: 'inherit' });
  const [code, signalName] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  const status = exitCodeOf(code, signalName);
  if (status !== 0) throw new SpuffError('interrupted', `${editor[0]} ended with status ${status}`);
}
