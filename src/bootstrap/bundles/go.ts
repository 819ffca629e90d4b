import {
  asRoot,
  type BundleDefinition,
  type BundleTool,
  bundleFolder,
  everywhere,
  linksIn,
  type Sha256ByArch,
} from './bundle-definition.ts';

/**
 * Of the archives at go.dev/dl.
 * @see https://github.com/go-nv/goenv/tree/master/plugins/go-build/share/go-build (1.26.4, 1.25.11)
 */
const checksums: Readonly<Record<string, Sha256ByArch>> = {
  '1.25.11': {
    x86_64: '34f14304e856893f4ba30c2cacfe93906e9de7915c5f6aaaf3a81cdccd7ba30b',
    arm64: 'c30bf9e156a54ea4e31fbbbf31a712b32734b58cc9a22426fa5ee632d0885124',
  },
  '1.26.4': {
    x86_64: '1153d3d50e0ac764b447adfe05c2bcf08e889d42a02e0fe0259bd47f6733ad7f',
    arm64: 'ef758ae7c6cf9267c9c0ef080b8965f453d89ab2d25d9eb22de4405925238768',
  },
};

const lintVersion = '2.11.4';

/** @see https://github.com/golangci/golangci-lint/releases/tag/v2.11.4 (golangci-lint-2.11.4-checksums.txt) */
const lintChecksums: Sha256ByArch = {
  x86_64: '200c5b7503f67b59a6743ccf32133026c174e272b930ee79aa2aa6f37aca7ef1',
  arm64: '3bcfa2e6f3d32b2bf5cd75eaa876447507025e0303698633f722a05331988db4',
};

/** Go checks what it fetches against sum.golang.org, and a module's code does not run while it is built. */
const installEnv = {
  GOBIN: '/usr/local/bin',
  GOPATH: '/var/cache/spuff/go',
  GOCACHE: '/var/cache/spuff/go-build',
  GOFLAGS: '-modcacherw',
  GOSUMDB: 'sum.golang.org',
  CGO_ENABLED: '0',
};

export const go: BundleDefinition = {
  name: 'go',
  title: 'Go',
  releases: [
    { version: '1.25', exact: '1.25.11' },
    { version: '1.26', exact: '1.26.4' },
  ],
  defaultVersion: everywhere('1.26'),
  note: 'Its tools are built on the machine, which takes a minute; a newer Go that one of them asks for is fetched by Go itself, against sum.golang.org.',
  content: ({ release, arch }) => {
    const word = arch === 'x86_64' ? 'amd64' : 'arm64';
    const sha256 = checksums[release.exact]?.[arch];
    if (sha256 === undefined) throw new TypeError(`there is no checksum of Go ${release.exact}`);
    return {
      aptPackages: ['gcc', 'git', 'libc6-dev'],
      archives: [
        {
          url: `https://go.dev/dl/go${release.exact}.linux-${word}.tar.gz`,
          sha256,
          format: 'tar.gz',
          stripComponents: 1,
          target: '/usr/local/go',
          links: linksIn('bin', ['go', 'gofmt']),
        },
        {
          url: `https://github.com/golangci/golangci-lint/releases/download/v${lintVersion}/golangci-lint-${lintVersion}-linux-${word}.tar.gz`,
          sha256: lintChecksums[arch],
          format: 'tar.gz',
          stripComponents: 1,
          target: bundleFolder('golangci-lint'),
          links: linksIn('', ['golangci-lint']),
          required: false,
        },
      ],
      commands: [
        asRoot(['go', 'install', 'golang.org/x/tools/gopls@v0.21.1'], { env: installEnv }),
        asRoot(['go', 'install', 'github.com/go-delve/delve/cmd/dlv@v1.26.3'], { env: installEnv }),
        asRoot(['go', 'install', 'honnef.co/go/tools/cmd/staticcheck@2026.1'], { env: installEnv }),
      ],
      tools: [
        tool('go', 'runtime', 'go.dev', ['go', 'version']),
        tool('gofmt', 'formatter', 'go.dev', ['test', '-x', '/usr/local/bin/gofmt']),
        tool('gopls', 'language server', 'proxy.golang.org', ['gopls', 'version']),
        tool('dlv', 'debugger', 'proxy.golang.org', ['dlv', 'version']),
        tool('staticcheck', 'linter', 'proxy.golang.org', ['staticcheck', '-version']),
        {
          ...tool('golangci-lint', 'linter', 'github.com/golangci', ['golangci-lint', 'version']),
          required: false,
        },
      ],
    };
  },
};

function tool(name: string, kind: BundleTool['kind'], from: string, argv: string[]): BundleTool {
  return { tool: name, kind, from, argv, required: true };
}
