import type { BundleArchive, BundleCommand } from '../../domain/bundle-plan.ts';
import { quoteCommand } from '../../lib/shell-quote.ts';
import {
  asRoot,
  type BundleDefinition,
  type BundleTool,
  bundleFolder,
  everywhere,
  linksIn,
  type Sha256ByArch,
} from './bundle-definition.ts';

interface Jdk {
  /** As the release is called. */
  tag: string;
  /** As its files are called. */
  file: string;
  sha256: Sha256ByArch;
}

/** Eclipse Temurin. @see https://github.com/adoptium/containers ({17,21,25}/jdk/ubuntu/resolute/Dockerfile) */
const jdks: Readonly<Record<string, Jdk>> = {
  '17': {
    tag: 'jdk-17.0.20%2B8',
    file: '17.0.20_8',
    sha256: {
      x86_64: 'be7668bc030d578b83d6d5ef9221d6d6729bbbca8cf94a7d52e16ac68b5a5a35',
      arm64: 'd143936f473a4cb24e3b0e247d6d0775769d55ec9775c339540e753059a8d77a',
    },
  },
  '21': {
    tag: 'jdk-21.0.12%2B8',
    file: '21.0.12_8',
    sha256: {
      x86_64: 'e4446ff06a276155697597cc0f1b15da004ff083f4964a35271ecee567177370',
      arm64: 'eba38e871b02d407897bfe017ea35352dfc1420ef6d2112425b0c67325ca509d',
    },
  },
  '25': {
    tag: 'jdk-25.0.4.1%2B1',
    file: '25.0.4.1_1',
    sha256: {
      x86_64: 'dbb698396d478e7fa2b1e50f4103324b2a99b90569ee27c33f2261f9215cf41e',
      arm64: '69df11a02cfa3ef7d7ca645e03edce6778ec090e100f6ae2b42097865730ac52',
    },
  },
};

/** The same for every processor. */
const buildTools: readonly BundleArchive[] = [
  {
    // https://services.gradle.org/distributions/gradle-9.5.0-bin.zip.sha256
    url: 'https://services.gradle.org/distributions/gradle-9.5.0-bin.zip',
    sha256: '553c78f50dafcd54d65b9a444649057857469edf836431389695608536d6b746',
    format: 'zip',
    stripComponents: 1,
    target: bundleFolder('gradle'),
    links: linksIn('bin', ['gradle']),
  },
  {
    // The distributionSha256Sum that Maven's wrapper is pinned with for 3.9.9.
    url: 'https://archive.apache.org/dist/maven/maven-3/3.9.9/binaries/apache-maven-3.9.9-bin.zip',
    sha256: '4ec3f26fb1a692473aea0235c300bd20f0f9fe741947c82c1234cefd76ac3a3c',
    format: 'zip',
    stripComponents: 1,
    target: bundleFolder('maven'),
    links: linksIn('bin', ['mvn']),
  },
];

/** It runs on Java 21 and later. @see https://aur.archlinux.org/packages/jdtls (1.50.0) */
const languageServer: BundleArchive = {
  url: 'https://download.eclipse.org/jdtls/milestones/1.50.0/jdt-language-server-1.50.0-202509041425.tar.gz',
  sha256: '3292c5c33888f95ab0ff718e777ee94ff5496b8635a23a8844b876ee090ebdea',
  format: 'tar.gz',
  stripComponents: 0,
  target: bundleFolder('jdtls'),
  links: linksIn('bin', ['jdtls']),
};

/** 1.27.0 does not format on Java 25, 1.35.0 does not run on Java 17: google/google-java-format issue 1282. */
const newFormatter = {
  url: 'https://repo1.maven.org/maven2/com/google/googlejavaformat/google-java-format/1.35.0/google-java-format-1.35.0-all-deps.jar',
  sha256: 'bfb7f9ead6cd328389bc2da53860443bc0e805dfd08cc889bfdf43b26cb2a6e8',
};

/** @see https://github.com/Homebrew/homebrew-core (Formula/g/google-java-format.rb, 1.27.0) */
const formatterForJava17 = {
  url: 'https://github.com/google/google-java-format/releases/download/v1.27.0/google-java-format-1.27.0-all-deps.jar',
  sha256: 'ed07239f3cb72e25bf2a0eae63e76831f9f11963bd19fc36a6f1d87016ac1763',
};

/** The formatter reaches into the compiler. @see https://github.com/google/google-java-format (README, "As a library") */
const compilerPackages = ['api', 'code', 'file', 'main', 'parser', 'tree', 'util'];

function formatterArchive({ url, sha256 }: { url: string; sha256: string }): BundleArchive {
  const target = bundleFolder('google-java-format');
  return { url, sha256, format: 'file', stripComponents: 0, target, links: {} };
}

/** Arguments: the name, and the command line that it stands for, quoted. */
const writeLauncher = `set -eu
printf '#!/bin/sh\\nexec %s "$@"\\n' "$2" > "/usr/local/bin/$1.new"
chmod 0755 "/usr/local/bin/$1.new"
mv "/usr/local/bin/$1.new" "/usr/local/bin/$1"
`;

/** A jar needs a program to be called by. */
function formatterLauncher({ url, target }: BundleArchive): BundleCommand {
  const argv = [
    'java',
    ...compilerPackages.map((name) => `--add-exports=jdk.compiler/com.sun.tools.javac.${name}=ALL-UNNAMED`),
    '-jar',
    `${target}/${url.slice(url.lastIndexOf('/') + 1)}`,
  ];
  return asRoot(['sh', '-c', writeLauncher, 'write-launcher', 'google-java-format', quoteCommand(argv)]);
}

export const java: BundleDefinition = {
  name: 'java',
  title: 'Java',
  releases: Object.entries(jdks).map(([version, { file }]) => ({
    version,
    exact: file.replace('_', '+'),
    ...(version === '25' && { aliases: ['lts'] }),
  })),
  defaultVersion: everywhere('25'),
  note: 'JAVA_HOME is not set: Maven and Gradle find the Java on the PATH. The language server needs Java 21 or later.',
  content: ({ release, arch }) => {
    const jdk = jdks[release.version];
    if (jdk === undefined) throw new TypeError(`there is no checksum of Java ${release.version}`);
    const formatter = formatterArchive(release.version === '17' ? formatterForJava17 : newFormatter);
    const hasServer = release.version !== '17';
    const word = arch === 'x86_64' ? 'x64' : 'aarch64';
    return {
      // jdtls is started by a program in Python.
      aptPackages: ['python3'],
      archives: [
        {
          url: `https://github.com/adoptium/temurin${release.version}-binaries/releases/download/${jdk.tag}/OpenJDK${release.version}U-jdk_${word}_linux_hotspot_${jdk.file}.tar.gz`,
          sha256: jdk.sha256[arch],
          format: 'tar.gz',
          stripComponents: 1,
          target: bundleFolder('java'),
          links: linksIn('bin', [
            'java',
            'javac',
            'javadoc',
            'jar',
            'jdb',
            'jshell',
            'jstack',
            'jcmd',
            'keytool',
          ]),
        },
        ...buildTools,
        formatter,
        ...(hasServer ? [languageServer] : []),
      ],
      commands: [formatterLauncher(formatter)],
      tools: [
        tool('java', 'runtime', 'github.com/adoptium'),
        tool('javac', 'build', 'github.com/adoptium'),
        tool('javac -Xlint', 'linter', 'github.com/adoptium', ['javac', '-Xlint:all', '--version']),
        tool('jdb', 'debugger', 'github.com/adoptium', ['jdb', '-version']),
        tool('mvn', 'build', 'archive.apache.org'),
        tool('gradle', 'build', 'services.gradle.org'),
        ...(hasServer ? [tool('jdtls', 'language server', 'download.eclipse.org', ['jdtls', '--help'])] : []),
        tool('google-java-format', 'formatter', 'repo1.maven.org'),
      ],
    };
  },
};

function tool(
  name: string,
  kind: BundleTool['kind'],
  from: string,
  argv: string[] = [name, '--version'],
): BundleTool {
  return { tool: name, kind, from, argv, required: true };
}
