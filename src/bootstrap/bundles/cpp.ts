import { asRoot, type BundleDefinition, type BundleTool } from './bundle-definition.ts';

/** Called by their plain names, whichever version it is. */
const versionedTools = ['clang', 'clang++', 'clangd', 'clang-format', 'clang-tidy', 'lldb'];

export const cpp: BundleDefinition = {
  name: 'cpp',
  title: 'C and C++',
  releases: [
    { version: '14', exact: '14', on: ['debian-12'] },
    { version: '15', exact: '15', on: ['debian-12'] },
    { version: '16', exact: '16', on: ['debian-12'] },
    { version: '17', exact: '17', on: ['debian-13'] },
    { version: '18', exact: '18', on: ['debian-13'] },
    { version: '19', exact: '19' },
  ],
  defaultVersion: { 'debian-12': '14', 'debian-13': '19' },
  note: "The version is that of LLVM; GCC is the distribution's: 12 in Debian 12, 14 in Debian 13.",
  content: ({ release, distribution }) => {
    const isDefault = cpp.defaultVersion[distribution] === release.version;
    const suffix = isDefault ? '' : `-${release.version}`;
    return {
      aptPackages: [
        ...['g++', 'make', 'cmake', 'ninja-build', 'pkg-config', 'gdb'],
        ...['clang', 'clangd', 'clang-format', 'clang-tidy', 'lldb'].map((name) => `${name}${suffix}`),
      ],
      optionalAptPackages: ['ccache', 'cppcheck', 'valgrind'],
      commands: versionedTools.map((name) =>
        asRoot(['ln', '-sfn', `/usr/bin/${name}${suffix}`, `/usr/local/bin/${name}`]),
      ),
      tools: [
        tool('g++', 'build'),
        tool('clang', 'build'),
        tool('cmake', 'build'),
        tool('ninja', 'build'),
        tool('make', 'build'),
        tool('clangd', 'language server'),
        tool('clang-tidy', 'linter'),
        tool('clang-format', 'formatter'),
        tool('gdb', 'debugger'),
        tool('lldb', 'debugger'),
        { ...tool('ccache', 'build'), required: false },
        { ...tool('cppcheck', 'linter'), required: false },
        { ...tool('valgrind', 'debugger'), required: false },
      ],
    };
  },
};

function tool(name: string, kind: BundleTool['kind']): BundleTool {
  return { tool: name, kind, from: 'Debian', argv: [name, '--version'], required: true };
}
