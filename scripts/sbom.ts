import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

// The bill of materials that goes with a release, by npm itself and from the lock: what the bundles are made of, and what made
// them. CycloneDX 1.5 in JSON.

const root = path.resolve(import.meta.dirname, '..');
const { status, stdout, stderr } = spawnSync(
  'npm',
  ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'],
  {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  },
);
if (status !== 0) throw new Error(`npm sbom failed: ${stderr}`);
const { components } = JSON.parse(stdout) as { components: unknown[] };
const file = path.join(root, 'dist', 'sbom.cdx.json');
writeFileSync(file, stdout);
console.log(`${components.length} components are in ${path.relative(root, file)}`);
