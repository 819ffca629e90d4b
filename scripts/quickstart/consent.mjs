import { createInterface } from 'node:readline/promises';
import { fail } from './run.mjs';

/** A person is asked before their machine is changed; a script, and CI, say yes beforehand. */
export async function askToGoOn({ yes, hint }) {
  if (yes) return;
  if (!process.stdin.isTTY) fail('nobody is there to ask', hint);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question('Go on? [y/N] ');
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) fail('nothing was changed', 'run it again when you are ready');
}
