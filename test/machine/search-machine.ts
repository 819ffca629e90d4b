/** Looks for secrets everywhere on a machine, in the forms that they may have been written down in. */
import { readFileSync } from 'node:fs';

/** Something that runs a program as root on the machine, past sshd, and gives its standard output. */
export interface RootOnMachine {
  ok(argv: readonly string[], options?: { stdin?: string }): Promise<string>;
}

/** A secret in the forms that it may have been written down in. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // Base64 of the same bytes looks different at each of three offsets; the ends depend on their neighbours.
  const base64 = [0, 1, 2].map((skip) => bytes.subarray(skip).toString('base64').slice(0, -4));
  return [secret, bytes.toString('hex'), ...base64.map((text) => text.slice(0, 40))];
}

/** The lines of a private key that hold its private half: no public key shares them. */
export function privateLines(path: string): string[] {
  return privateLinesOf(readFileSync(path, 'utf8'));
}

/** As `privateLines`, of the text of such a file. A short last line might be found by chance. */
export function privateLinesOf(text: string): string[] {
  const lines = text.trim().split('\n');
  return lines.slice(3, -1).filter((line) => line.length >= 40);
}

/**
 * Every file on every file system of the machine that holds one of the texts, and every process with one in its
 * environment or its arguments. The texts come by standard input, so that the search does not find itself.
 */
export async function searchMachine(machine: RootOnMachine, needles: readonly string[]): Promise<string[]> {
  const script = `set -u
needles=$(cat)
look() { printf '%s\\n' "$needles" | grep -laF -f - "$@" 2>/dev/null; }
look -r --exclude-dir=proc --exclude-dir=sys --devices=skip /
look /proc/[0-9]*/environ /proc/[0-9]*/cmdline
true`;
  const found = await machine.ok(['bash', '-c', script], { stdin: needles.join('\n') });
  return found
    .trim()
    .split('\n')
    .filter((line) => line !== '');
}
