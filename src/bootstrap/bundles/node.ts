import type { BundleArchive } from '../../domain/bundle-plan.ts';
import {
  asRoot,
  type BundleArch,
  type BundleDefinition,
  type BundleTool,
  bundleFolder,
  everywhere,
  linkNativeProgram,
  linksIn,
  type Sha256ByArch,
} from './bundle-definition.ts';

/**
 * Of the archives at nodejs.org/dist, as SHASUMS256.txt there has them.
 * @see https://github.com/nodenv/node-build/tree/main/share/node-build (24.18.0, 22.23.1, 26.4.0)
 */
const checksums: Readonly<Record<string, Sha256ByArch>> = {
  '22.23.1': {
    x86_64: '7a8cb04b4a1df4eaf432125324b81b29a088e73570a23259a8de1c65d07fc129',
    arm64: '543fa39e57d4c07855939459a323f4deb9a79dd1bb45e6e99458b0f2de10db8d',
  },
  '24.18.0': {
    x86_64: '783130984963db7ba9cbd01089eaf2c2efb055c7c1693c943174b967b3050cb8',
    arm64: '6b4484c2190274175df9aa8f28e2d758a819cb1c1fe6ab481e2f95b463ab8508',
  },
  '26.4.0': {
    x86_64: 'f221dab30d0e9d544332f06fbee2c62186c97d864d5cac8482dba34f1e38b8dc',
    arm64: '773d9ec67266838270ddc105c2548ae8aaff28bc8fe6f34c55d1094043c4165e',
  },
};

/** The release that tools get which need Node where no other is wished for. */
export const defaultNodeVersion = '24.18.0';

/** @throws TypeError for a release without a checksum */
export function nodeArchive(exact: string, arch: BundleArch): BundleArchive {
  const sha256 = checksums[exact]?.[arch];
  if (sha256 === undefined) throw new TypeError(`there is no checksum of Node ${exact}`);
  const name = `node-v${exact}-linux-${arch === 'x86_64' ? 'x64' : 'arm64'}.tar.gz`;
  return {
    url: `https://nodejs.org/dist/v${exact}/${name}`,
    sha256,
    format: 'tar.gz',
    stripComponents: 1,
    target: bundleFolder('node'),
    links: linksIn('bin', ['node', 'npm', 'npx']),
  };
}

export const node: BundleDefinition = {
  name: 'node',
  title: 'Node.js',
  releases: [
    { version: '22', exact: '22.23.1' },
    { version: '24', exact: '24.18.0', aliases: ['lts'] },
    { version: '26', exact: '26.4.0' },
  ],
  defaultVersion: everywhere('24'),
  note: 'pnpm and yarn come from npm, so Corepack is not needed. Global packages are in /usr/local.',
  content: ({ release, arch }) => ({
    archives: [nodeArchive(release.exact, arch)],
    npmPackages: [
      'pnpm@12.21.0',
      'typescript@6.0.3',
      'typescript-language-server@6.0.2',
      'eslint@10.15.0',
      'prettier@3.10.1',
    ],
    optionalNpmPackages: ['yarn@1.22.22'],
    commands: [
      // Else what a user installs globally lands beside Node's own archive, where no PATH leads.
      asRoot(['npm', 'config', 'set', 'prefix', '/usr/local', '--location', 'global']),
      // Its install script would put the program there; without it the name leads to a text without a shebang.
      ...['pnpm', 'pnpx'].map((name) =>
        linkNativeProgram(name, {
          packageName: 'pnpm',
          platform: `@pnpm/exe.linux-${arch === 'x86_64' ? 'x64' : 'arm64'}`,
          path: 'pnpm',
        }),
      ),
    ],
    tools: [
      runs('node', 'runtime', 'nodejs.org', true),
      runs('npm', 'package manager', 'nodejs.org', true),
      {
        ...runs('node inspect', 'debugger', 'nodejs.org', true),
        argv: ['node', '--eval', "require('node:inspector')"],
      },
      runs('pnpm', 'package manager', 'npm', true),
      runs('yarn', 'package manager', 'npm', false),
      runs('tsc', 'build', 'npm', true),
      runs('typescript-language-server', 'language server', 'npm', true),
      runs('eslint', 'linter', 'npm', true),
      runs('prettier', 'formatter', 'npm', true),
    ],
  }),
};

function runs(tool: string, kind: BundleTool['kind'], from: string, required: boolean): BundleTool {
  return { tool, kind, from, argv: [tool, '--version'], required };
}
