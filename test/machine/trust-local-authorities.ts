import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = '/usr/local/share/ca-certificates';

/**
 * Has a machine trust the authorities that this computer's administrator has added, for networks whose way out is
 * inspected: without them no registry could be reached from there. Nothing where there are none.
 */
export async function trustLocalAuthorities(
  root: (argv: readonly string[], stdin?: string) => Promise<string>,
): Promise<void> {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.crt')) : [];
  for (const name of names) {
    const path = `${folder}/${name}`;
    await root(['sh', '-c', 'cat > "$1"', 'write', path], readFileSync(join(folder, name), 'utf8'));
  }
  await root(['update-ca-certificates']);
  // npm has authorities of its own unless it is told.
  await root(
    ['sh', '-c', 'mkdir -p /usr/local/etc && cat > /usr/local/etc/npmrc'],
    'cafile=/etc/ssl/certs/ca-certificates.crt\n',
  );
}
