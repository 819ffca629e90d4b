import {
  asLoginUser,
  type BundleDefinition,
  type BundleTool,
  bundleFolder,
  everywhere,
  type Sha256ByArch,
} from './bundle-definition.ts';

const rustupVersion = '1.28.2';

/**
 * Of rustup-init, which is rustup itself under another name.
 * @see https://github.com/rust-lang/docker-rust (stable/trixie/slim/Dockerfile)
 */
const rustupChecksums: Sha256ByArch = {
  x86_64: '20a06e644b0d9bd2fbdbfd52d42540bdde820ea7df86e92e533c073da0cdd43c',
  arm64: 'e3853c5a252fca15252d07cb23a1bdd9377a8c6f3efa01531109281ae47f841c',
};

/** What rustup does depends on the name that it is called by; the distributions' packages of it link the same names. */
const proxies = [
  'rustup',
  'rustc',
  'rustdoc',
  'rustfmt',
  'cargo',
  'cargo-fmt',
  'cargo-clippy',
  'clippy-driver',
  'rust-analyzer',
  'rust-gdb',
  'rust-lldb',
];

export const rust: BundleDefinition = {
  name: 'rust',
  title: 'Rust',
  releases: [
    { version: '1.90', exact: '1.90.0' },
    { version: '1.94', exact: '1.94.0' },
    { version: '1.96', exact: '1.96.1' },
    { version: 'stable', exact: 'stable' },
  ],
  defaultVersion: everywhere('1.96'),
  note: 'Toolchains are in ~/.rustup. What `cargo install` builds is in ~/.cargo/bin, which is on no PATH by itself.',
  content: ({ release, arch }) => ({
    aptPackages: ['gcc', 'gdb', 'libc6-dev', 'pkg-config'],
    archives: [
      {
        url: `https://static.rust-lang.org/rustup/archive/${rustupVersion}/${arch === 'x86_64' ? 'x86_64' : 'aarch64'}-unknown-linux-gnu/rustup-init`,
        sha256: rustupChecksums[arch],
        format: 'file',
        stripComponents: 0,
        target: bundleFolder('rustup'),
        links: Object.fromEntries(proxies.map((name) => [name, 'rustup-init'])),
      },
    ],
    commands: [
      // The toolchain's own checksums are in the channel's manifest, which rustup checks against.
      asLoginUser([
        ...['rustup', 'toolchain', 'install', release.exact, '--no-self-update', '--profile', 'default'],
        ...['--component', 'rust-analyzer', '--component', 'rust-src'],
      ]),
      asLoginUser(['rustup', 'default', release.exact]),
    ],
    tools: [
      tool('rustc', 'runtime', ['rustc', '--version']),
      tool('cargo', 'package manager', ['cargo', '--version']),
      tool('rustup', 'package manager', ['rustup', '--version']),
      tool('rust-analyzer', 'language server', ['rust-analyzer', '--version']),
      tool('clippy', 'linter', ['cargo', 'clippy', '--version']),
      tool('rustfmt', 'formatter', ['rustfmt', '--version']),
      { ...tool('rust-gdb', 'debugger', ['rust-gdb', '--version']), required: false },
    ],
  }),
};

function tool(name: string, kind: BundleTool['kind'], argv: string[]): BundleTool {
  return { tool: name, kind, from: 'static.rust-lang.org', argv, required: true };
}
