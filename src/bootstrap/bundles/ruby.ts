import type { BundleArchive, BundleCommand, Distribution } from '../../domain/bundle-plan.ts';
import { asRoot, type BundleDefinition, type BundleTool, bundleFolder } from './bundle-definition.ts';

/**
 * Of the sources at cache.ruby-lang.org; they are the same for every processor.
 * @see https://github.com/rbenv/ruby-build/tree/master/share/ruby-build (3.4.9, 4.0.5)
 */
const checksums: Readonly<Record<string, string>> = {
  '3.4.9': '7bb4d4f5e807cc27251d14d9d6086d182c5b25875191e44ab15b709cd7a7dd9c',
  '4.0.5': '7d6149079a63f8ae1d326c9fa65c6019ba2dc3155eae7b39159817911c88958e',
};

const ofDistribution: Readonly<Record<Distribution, string>> = { 'debian-12': '3.1', 'debian-13': '3.3' };

const sources = bundleFolder('ruby-source');
const prefix = bundleFolder('ruby');
const programs = ['ruby', 'gem', 'bundle', 'bundler', 'irb', 'rake', 'rdbg', 'erb'];

export const ruby: BundleDefinition = {
  name: 'ruby',
  title: 'Ruby',
  releases: [
    { version: '3.1', exact: '3.1', on: ['debian-12'] },
    { version: '3.3', exact: '3.3', on: ['debian-13'] },
    { version: '3.4', exact: '3.4.9' },
    { version: '4.0', exact: '4.0.5' },
  ],
  defaultVersion: ofDistribution,
  note: 'There are no official builds for Linux: a version that the distribution does not have is built from source, which takes minutes.',
  content: ({ release, distribution }) => {
    const isDistributions = ofDistribution[distribution] === release.version;
    const from = isDistributions ? 'Debian' : 'cache.ruby-lang.org';
    const gems = ['ruby-lsp:0.26.10', ...(isDistributions ? ['debug:1.11.1'] : ['rubocop:1.81.7'])];
    return {
      aptPackages: isDistributions
        ? ['ruby', 'ruby-dev', 'bundler', 'rake', 'rubocop', 'gcc', 'g++', 'make', 'libc6-dev', 'libyaml-dev']
        : [
            'autoconf',
            'g++',
            'make',
            'libffi-dev',
            'libgmp-dev',
            'libreadline-dev',
            'libssl-dev',
            'libyaml-dev',
            'zlib1g-dev',
          ],
      archives: isDistributions ? [] : [sourceArchive(release.exact)],
      commands: [
        ...(isDistributions ? [] : buildRuby()),
        ...gems.map((gem) =>
          asRoot(['gem', 'install', '--no-document', '--bindir', '/usr/local/bin', gem], { required: false }),
        ),
      ],
      tools: [
        tool('ruby', 'runtime', from),
        tool('gem', 'package manager', from),
        tool('bundle', 'package manager', from),
        tool('rake', 'build', from),
        {
          ...tool('rubocop', 'linter', isDistributions ? 'Debian' : 'rubygems.org'),
          required: isDistributions,
        },
        { ...tool('ruby-lsp', 'language server', 'rubygems.org'), required: false },
        { ...tool('rdbg', 'debugger', isDistributions ? 'rubygems.org' : from), required: !isDistributions },
      ],
    };
  },
};

function sourceArchive(exact: string): BundleArchive {
  const sha256 = checksums[exact];
  if (sha256 === undefined) throw new TypeError(`there is no checksum of Ruby ${exact}`);
  const series = exact.split('.').slice(0, 2).join('.');
  return {
    url: `https://cache.ruby-lang.org/pub/ruby/${series}/ruby-${exact}.tar.gz`,
    sha256,
    format: 'tar.gz',
    stripComponents: 1,
    target: sources,
    links: {},
  };
}

function buildRuby(): BundleCommand[] {
  return [
    asRoot([
      'env',
      '-C',
      sources,
      './configure',
      `--prefix=${prefix}`,
      '--disable-install-doc',
      '--enable-shared',
    ]),
    asRoot(['make', '--directory', sources, '--jobs', '4', '--silent']),
    asRoot(['make', '--directory', sources, '--silent', 'install']),
    ...programs.map((name) => asRoot(['ln', '-sfn', `${prefix}/bin/${name}`, `/usr/local/bin/${name}`])),
  ];
}

function tool(name: string, kind: BundleTool['kind'], from: string): BundleTool {
  return { tool: name, kind, from, argv: [name, '--version'], required: true };
}
