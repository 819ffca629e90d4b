import type { bundleNames } from '../domain/bundle-names.ts';
import { composeFileNames } from '../domain/project.ts';

type BundleName = (typeof bundleNames)[number];

/** What a file or folder at the top of a project says that it needs. The first that is there is named as the reason. */
const signs: ReadonlyArray<readonly [bundle: BundleName, names: readonly string[]]> = [
  ['node', ['package.json']],
  ['rust', ['Cargo.toml']],
  ['go', ['go.mod']],
  ['python', ['pyproject.toml', 'requirements.txt', 'setup.py', 'Pipfile']],
  ['elixir', ['mix.exs']],
  ['java', ['pom.xml', 'build.gradle', 'build.gradle.kts']],
  ['zig', ['build.zig']],
  ['cpp', ['CMakeLists.txt']],
  ['ruby', ['Gemfile']],
];

export interface FoundInProject {
  bundles: ReadonlyArray<{ name: BundleName; because: string }>;
  composeFile: string | null;
}

/** @param names of the files at the top of the project */
export function findInProject(names: ReadonlySet<string>): FoundInProject {
  const first = (wanted: readonly string[]) => wanted.find((name) => names.has(name)) ?? null;
  const bundles = signs.flatMap(([name, wanted]) => {
    const because = first(wanted);
    return because === null ? [] : [{ name, because }];
  });
  return { bundles, composeFile: first(composeFileNames) };
}
