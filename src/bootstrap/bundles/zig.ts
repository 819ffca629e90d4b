import type { BundleArchive } from '../../domain/bundle-plan.ts';
import {
  type BundleArch,
  type BundleDefinition,
  bundleFolder,
  everywhere,
  linksIn,
  type Sha256ByArch,
} from './bundle-definition.ts';

/**
 * @see https://ziglang.org/download/index.json and https://builds.zigtools.org (release.zigtools.org/v1/zls/index.json)
 */
const pinned: Readonly<Record<string, { zig: Sha256ByArch; zls: Sha256ByArch; zlsVersion: string }>> = {
  '0.15.2': {
    zig: {
      x86_64: '02aa270f183da276e5b5920b1dac44a63f1a49e55050ebde3aecc9eb82f93239',
      arm64: '958ed7d1e00d0ea76590d27666efbf7a932281b3d7ba0c6b01b0ff26498f667f',
    },
    zlsVersion: '0.15.1',
    zls: {
      x86_64: '3bb38f522cb23213e8c075ac6b170273fe49b4274b8c12b034cc496407400067',
      arm64: 'a2daa860a0e0cd1410491ff9703c6aaca96defd833b88af6a9811d6ff04fc13b',
    },
  },
  '0.16.0': {
    zig: {
      x86_64: '70e49664a74374b48b51e6f3fdfbf437f6395d42509050588bd49abe52ba3d00',
      arm64: 'ea4b09bfb22ec6f6c6ceac57ab63efb6b46e17ab08d21f69f3a48b38e1534f17',
    },
    zlsVersion: '0.16.0',
    zls: {
      x86_64: 'ded6d562a0b86ee878b1ddf70ffab2797ce3cdca3b02d6077548f9d56dff96b6',
      arm64: '430cd293d201eb70ae2519dbc96c854bf8791b8df7fc9392e8d2dc9680a2bed7',
    },
  },
};

export const zig: BundleDefinition = {
  name: 'zig',
  title: 'Zig',
  releases: [
    { version: '0.15', exact: '0.15.2' },
    { version: '0.16', exact: '0.16.0' },
  ],
  defaultVersion: everywhere('0.16'),
  note: 'Each version brings the language server that fits it.',
  content: ({ release, arch }) => ({
    aptPackages: ['gdb'],
    archives: archivesOf(release.exact, arch),
    tools: [
      { tool: 'zig', kind: 'runtime', from: 'ziglang.org', argv: ['zig', 'version'], required: true },
      {
        tool: 'zig fmt',
        kind: 'formatter',
        from: 'ziglang.org',
        argv: ['zig', 'fmt', '--help'],
        required: true,
      },
      {
        tool: 'zig ast-check',
        kind: 'linter',
        from: 'ziglang.org',
        argv: ['zig', 'ast-check', '--help'],
        required: true,
      },
      {
        tool: 'zls',
        kind: 'language server',
        from: 'builds.zigtools.org',
        argv: ['zls', '--version'],
        required: true,
      },
      { tool: 'gdb', kind: 'debugger', from: 'Debian', argv: ['gdb', '--version'], required: true },
    ],
  }),
};

function archivesOf(exact: string, arch: BundleArch): BundleArchive[] {
  const release = pinned[exact];
  if (release === undefined) throw new TypeError(`there is no checksum of Zig ${exact}`);
  const word = arch === 'x86_64' ? 'x86_64' : 'aarch64';
  return [
    {
      url: `https://ziglang.org/download/${exact}/zig-${word}-linux-${exact}.tar.xz`,
      sha256: release.zig[arch],
      format: 'tar.xz',
      stripComponents: 1,
      target: bundleFolder('zig'),
      links: linksIn('', ['zig']),
    },
    {
      url: `https://builds.zigtools.org/zls-${word}-linux-${release.zlsVersion}.tar.xz`,
      sha256: release.zls[arch],
      format: 'tar.xz',
      stripComponents: 0,
      target: bundleFolder('zls'),
      links: linksIn('', ['zls']),
    },
  ];
}
