import type { IForbiddenRuleType } from 'dependency-cruiser';

/** Which other folders of `src/` a folder may import, besides itself. The table of docs/architecture.md. */
const layers: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  lib: ['domain'],
  protocol: ['domain'],
  ssh: ['domain', 'lib'],
  bootstrap: ['domain', 'lib'],
  state: ['domain', 'lib'],
  app: ['domain', 'lib', 'protocol', 'bootstrap'],
  cli: ['app', 'domain', 'lib'],
  agent: ['domain', 'lib', 'protocol'],
};

/** Packages that stay behind one door, so that replacing one touches one folder. */
const packageHomes: ReadonlyArray<{ packages: readonly string[]; homes: readonly string[] }> = [
  { packages: ['dockerode', 'docker-modem'], homes: ['providers/local'] },
  { packages: ['tar-stream'], homes: ['providers/local', 'bootstrap', 'agent', 'state', 'ssh'] },
  { packages: ['age-encryption', 'jsonc-parser'], homes: ['state'] },
  { packages: ['aws4fetch', 'fast-xml-parser'], homes: ['providers/aws'] },
  { packages: ['commander', '@clack/prompts'], homes: ['cli', 'main'] },
];

/**
 * All code of others that ships: the bundles contain it, so package.json lists it as needed for development only, and
 * who installs spuff installs none of it.
 */
const bundledPackages: readonly string[] = [
  ...packageHomes.flatMap(({ packages }) => packages),
  'yaml',
  'zod',
];

const notTests = { pathNot: '[.]test[.]ts$' };

function layerRules(): IForbiddenRuleType[] {
  return Object.entries(layers).map(([layer, others]) => ({
    name: `layer-${layer}`,
    severity: 'error',
    comment: `src/${layer} may import ${['itself', ...others].join(', ')}`,
    from: { path: `^src/${layer}/`, ...notTests },
    to: { path: '^src/', pathNot: `^src/(${[layer, ...others].join('|')})/` },
  }));
}

function packageRules(): IForbiddenRuleType[] {
  return packageHomes.map(({ packages, homes }) => ({
    name: `home-of-${packages[0]?.replace(/[^a-z]+/g, '-')}`,
    severity: 'error',
    comment: `${packages.join(', ')}: only in src/${homes.join(', src/')}`,
    from: { path: '^src/', pathNot: [`^src/(${homes.join('|')})/`, notTests.pathNot] },
    to: { path: `(^|/)node_modules/(@types/)?(${packages.join('|')})/` },
  }));
}

const otherRules: IForbiddenRuleType[] = [
  {
    name: 'src-folders',
    severity: 'error',
    comment: 'a file under src/ is in one of the folders of the table',
    from: {},
    to: { path: '^src/', pathNot: `^src/(${Object.keys(layers).join('|')}|providers/[^/]+|main)/` },
  },
  {
    name: 'domain-pure',
    severity: 'error',
    comment: 'domain imports no package and nothing of Node',
    from: { path: '^src/domain/', ...notTests },
    to: { pathNot: '^src/' },
  },
  {
    name: 'provider-siblings',
    severity: 'error',
    comment: 'a provider imports itself, domain and lib',
    from: { path: '^src/providers/([^/]+)/', ...notTests },
    to: { path: '^src/', pathNot: '^src/(providers/$1|domain|lib)/' },
  },
  {
    name: 'nobody-imports-main',
    severity: 'error',
    comment: 'main is the wiring: it imports, and nothing imports it',
    from: { path: '^src/', pathNot: ['^src/main/', notTests.pathNot] },
    to: { path: '^src/main/' },
  },
  {
    name: 'processes-in-one-place',
    severity: 'error',
    comment: 'only src/lib/process.ts starts processes',
    from: { path: '^src/', pathNot: ['^src/lib/process[.]ts$', notTests.pathNot] },
    // Naming the type of a process starts none.
    to: { path: '^(node:)?(child_process|cluster)$', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'no-tests-in-the-product',
    severity: 'error',
    comment: 'what ships imports no test and no development dependency',
    from: { path: '^src/', ...notTests },
    to: { path: '^(test|scripts|bench)/|[.]test[.]ts$' },
  },
  {
    name: 'bundled-packages',
    severity: 'error',
    comment: `what ships contains of others only ${bundledPackages.join(', ')}`,
    from: { path: '^src/', ...notTests },
    to: { path: 'node_modules/', pathNot: `node_modules/(@types/)?(node|${bundledPackages.join('|')})/` },
  },
  {
    name: 'no-circle',
    severity: 'error',
    comment: 'no module imports itself through others',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-unresolvable',
    severity: 'error',
    comment: 'an import that leads nowhere hides from every other rule',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'no-undeclared-package',
    severity: 'error',
    comment: 'a package that is imported is in package.json',
    from: {},
    to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
  },
];

export const importRules: readonly IForbiddenRuleType[] = [...layerRules(), ...packageRules(), ...otherRules];
