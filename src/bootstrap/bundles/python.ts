import type { BundleCommand, Distribution } from '../../domain/bundle-plan.ts';
import {
  asRoot,
  type BundleDefinition,
  type BundleTool,
  bundleFolder,
  type Sha256ByArch,
} from './bundle-definition.ts';

const uvVersion = '0.12.7';

/** @see https://github.com/astral-sh/uv/releases/tag/0.12.7 (each archive has its .sha256 beside it) */
const uvChecksums: Sha256ByArch = {
  x86_64: '788f18abea7c5f55d6216e4f5613fd89d4d59b631efeec117b2b07fe72f1da21',
  arm64: '66393193038dd7eb108abd7a218d9cec04ac70ab98242b0720fa94de19223b7c',
};

const uvEnv = {
  UV_NO_PROGRESS: '1',
  UV_CACHE_DIR: '/var/cache/spuff/uv',
  UV_PYTHON_INSTALL_DIR: bundleFolder('python'),
  UV_PYTHON_BIN_DIR: '/usr/local/bin',
  UV_TOOL_DIR: bundleFolder('python-tools'),
  UV_TOOL_BIN_DIR: '/usr/local/bin',
};

const ofDistribution: Readonly<Record<Distribution, string>> = { 'debian-12': '3.11', 'debian-13': '3.13' };

export const python: BundleDefinition = {
  name: 'python',
  title: 'Python',
  releases: ['3.10', '3.11', '3.12', '3.13', '3.14'].map((version) => ({ version, exact: version })),
  defaultVersion: ofDistribution,
  note: "Other versions than the distribution's are fetched by uv, and come first on the PATH; the tools from Debian run on Debian's Python.",
  content: ({ release, arch, distribution }) => {
    const isDistributions = ofDistribution[distribution] === release.version;
    return {
      aptPackages: [
        ...['python3', 'python3-venv', 'python3-dev', 'python3-pip', 'pipx', 'gcc', 'libc6-dev'],
        ...[
          'python3-pylsp',
          'pylint',
          'flake8',
          'black',
          'isort',
          'mypy',
          'python3-debugpy',
          'python3-pytest',
        ],
      ],
      archives: [
        {
          url: `https://github.com/astral-sh/uv/releases/download/${uvVersion}/uv-${arch === 'x86_64' ? 'x86_64' : 'aarch64'}-unknown-linux-gnu.tar.gz`,
          sha256: uvChecksums[arch],
          format: 'tar.gz',
          stripComponents: 1,
          target: bundleFolder('uv'),
          links: { uv: 'uv', uvx: 'uvx' },
          required: !isDistributions,
        },
      ],
      commands: [
        ...(isDistributions ? [] : installPython(release.version)),
        asRoot(['uv', 'tool', 'install', '--force', 'ruff==0.17.5'], { env: uvEnv, required: false }),
      ],
      tools: [
        ...(isDistributions
          ? []
          : [
              tool(`python${release.version}`, 'runtime', 'github.com/astral-sh', [
                `python${release.version}`,
              ]),
            ]),
        tool('python3', 'runtime', isDistributions ? 'Debian' : 'github.com/astral-sh'),
        tool('venv', 'package manager', 'Debian', ['/usr/bin/python3', '-m', 'venv', '--help']),
        tool('pip', 'package manager', 'Debian', ['pip3', '--version']),
        tool('pipx', 'package manager', 'Debian'),
        tool('pylsp', 'language server', 'Debian'),
        tool('pylint', 'linter', 'Debian'),
        tool('flake8', 'linter', 'Debian'),
        tool('mypy', 'linter', 'Debian'),
        tool('black', 'formatter', 'Debian'),
        tool('debugpy', 'debugger', 'Debian', ['/usr/bin/python3', '-m', 'debugpy', '--version']),
        tool('pytest', 'tests', 'Debian', ['pytest-3', '--version']),
        { ...tool('uv', 'package manager', 'github.com/astral-sh'), required: !isDistributions },
        { ...tool('ruff', 'linter', 'PyPI'), required: false },
      ],
    };
  },
};

/** uv knows the checksum of every build of Python that it fetches: they are part of it. */
function installPython(version: string): BundleCommand[] {
  return [
    asRoot(['uv', 'python', 'install', version], { env: uvEnv }),
    ...['python3', 'python'].map((name) =>
      asRoot(['ln', '-sfn', `python${version}`, `/usr/local/bin/${name}`]),
    ),
  ];
}

function tool(name: string, kind: BundleTool['kind'], from: string, argv = [name]): BundleTool {
  return {
    tool: name,
    kind,
    from,
    argv: argv.length === 1 ? [...argv, '--version'] : argv,
    required: true,
  };
}
