import type { BundleArchive, Distribution } from '../../domain/bundle-plan.ts';
import {
  asLoginUser,
  asRoot,
  type BundleDefinition,
  type BundleTool,
  bundleFolder,
  linksIn,
} from './bundle-definition.ts';

const ofDistribution: Readonly<Record<Distribution, string>> = { 'debian-12': '1.14', 'debian-13': '1.18' };

const sourceVersion = '1.18.4';

/** Of the sources. @see https://github.com/erlef/docker-elixir (1.18/Dockerfile) */
const sourceSha256 = '8e136c0a92160cdad8daa74560e0e9c6810486bd232fbce1709d40fcc426b5e0';

const serverVersion = '0.31.1';

/** @see https://github.com/elixir-lsp/elixir-ls/releases/tag/v0.31.1 */
const serverSha256 = 'bac08322ea3698157eb2373bb5b65e38c15df9dd41e1c06f142f874367fa472f';

const programs = ['elixir', 'elixirc', 'iex', 'mix'];

export const elixir: BundleDefinition = {
  name: 'elixir',
  title: 'Elixir and Erlang',
  releases: [
    { version: '1.14', exact: '1.14', on: ['debian-12'] },
    { version: '1.18', exact: sourceVersion },
  ],
  defaultVersion: ofDistribution,
  note: "Erlang is the distribution's: 25 in Debian 12, 27 in Debian 13. An Elixir that the distribution does not have is built on it, in a minute.",
  content: ({ release, distribution }) => {
    const isDistributions = ofDistribution[distribution] === release.version;
    const from = isDistributions ? 'Debian' : 'github.com/elixir-lang';
    return {
      aptPackages: [
        ...['erlang-nox', 'erlang-dev', 'erlang-dialyzer', 'erlang-debugger', 'rebar3', 'make', 'git'],
        ...(isDistributions ? ['elixir'] : []),
      ],
      archives: [...(isDistributions ? [] : [source]), languageServer],
      commands: [
        ...(isDistributions
          ? []
          : [asRoot(['make', '--directory', source.target, 'compile'], { env: { LC_ALL: 'C.UTF-8' } })]),
        asRoot(['chmod', '0755', ...serverScripts], { required: false }),
        // Hex is signed: https://hex.pm/docs/public_keys
        asLoginUser(['mix', 'local.hex', '--force'], { required: false, env: { LC_ALL: 'C.UTF-8' } }),
        asLoginUser(['mix', 'local.rebar', 'rebar3', '/usr/bin/rebar3', '--force'], {
          required: false,
          env: { LC_ALL: 'C.UTF-8' },
        }),
      ],
      tools: [
        tool('erl', 'runtime', 'Debian', ['erl', '-noshell', '-eval', 'halt().']),
        tool('elixir', 'runtime', from, ['elixir', '--version']),
        tool('mix', 'build', from, ['mix', '--version']),
        tool('mix format', 'formatter', from, ['mix', 'help', 'format']),
        tool('rebar3', 'build', 'Debian', ['rebar3', 'version']),
        tool('dialyzer', 'linter', 'Debian', ['dialyzer', '--version']),
        tool('debugger', 'debugger', 'Debian', [
          'erl',
          '-noshell',
          '-eval',
          '{module, int} = code:load_file(int), halt().',
        ]),
        { ...tool('hex', 'package manager', 'builds.hex.pm', ['mix', 'hex.info']), required: false },
        {
          ...tool('elixir-ls', 'language server', 'github.com/elixir-lsp', [
            'test',
            '-x',
            '/usr/local/bin/elixir-ls',
          ]),
          required: false,
        },
      ],
    };
  },
};

const source: BundleArchive = {
  url: `https://github.com/elixir-lang/elixir/archive/v${sourceVersion}.tar.gz`,
  sha256: sourceSha256,
  format: 'tar.gz',
  stripComponents: 1,
  target: bundleFolder('elixir'),
  links: linksIn('bin', programs),
};

const languageServer: BundleArchive = {
  url: `https://github.com/elixir-lsp/elixir-ls/releases/download/v${serverVersion}/elixir-ls-v${serverVersion}.zip`,
  sha256: serverSha256,
  format: 'zip',
  stripComponents: 0,
  target: bundleFolder('elixir-ls'),
  links: { 'elixir-ls': 'language_server.sh', 'elixir-debug-adapter': 'debug_adapter.sh' },
  required: false,
};

const serverScripts = ['language_server.sh', 'debug_adapter.sh', 'launch.sh'].map(
  (name) => `${languageServer.target}/${name}`,
);

function tool(name: string, kind: BundleTool['kind'], from: string, argv: string[]): BundleTool {
  return { tool: name, kind, from, argv, required: true };
}
