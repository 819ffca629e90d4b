/** What an order consists of, in the order in which it is done, and what each part depends on. */
import { createHash } from 'node:crypto';
import type { SetupPartKind, SetupSelection } from '../../domain/setup.ts';
import type { BundlePlan, SetupOrder } from '../../protocol/setup-schema.ts';
import { cloneRepositories } from './clone-repositories.ts';
import { installBundle } from './install-bundle.ts';
import { installPackages } from './install-packages.ts';
import { installDotfiles } from './link-dotfiles.ts';
import { placePreDownHook } from './pre-down-hook.ts';
import { runScript } from './run-script.ts';
import type { PartOutcome, PartTools } from './setup-scene.ts';
import { startDevcontainer } from './start-devcontainer.ts';
import { startServices } from './start-services.ts';

export interface PlannedPart {
  kind: SetupPartKind;
  /** Of the bundle or tool; the number of the script; else as the kind. */
  name: string;
  /** Below the folder of logs. */
  log: string;
  /** Of all that it is made of: a part that was done with the same one is not repeated. No value of a variable is in it. */
  hash: string;
  run(tools: PartTools): Promise<PartOutcome>;
}

/** Those of one stage run side by side; the parts of one row one after the other, or as many at once as `width` says. */
export type Stage = readonly { width: number; parts: readonly PlannedPart[] }[];

/** Downloads side by side, and more of them would wait for each other's turn at apt and npm. */
const bundlesAtOnce = 3;

export function planParts(order: SetupOrder): Stage[] {
  const row = (parts: readonly PlannedPart[], width = 1) => ({ width, parts });
  return [
    [row([...preDownPart(order), ...packagesPart(order)])],
    [
      row(
        order.bundles.map((plan) => bundlePart('bundle', plan)),
        bundlesAtOnce,
      ),
      row([...repositoriesPart(order), ...dotfilesPart(order)]),
    ],
    [
      // One after the other: where there is no Node, each brings it to the same place.
      row(order.aiTools.map((plan) => bundlePart('ai', plan))),
      row(servicesPart(order)),
    ],
    [row(devcontainerPart(order))],
    [row(scriptParts(order, 'script', order.setup))],
    [row(scriptParts(order, 'hook', order.postUp))],
  ];
}

const selections: Readonly<Record<SetupPartKind, SetupSelection>> = {
  packages: 'packages',
  bundle: 'bundles',
  ai: 'ai',
  repositories: 'repositories',
  dotfiles: 'dotfiles',
  services: 'services',
  devcontainer: 'devcontainer',
  script: 'scripts',
  hook: 'hooks',
};

export function isSelected(
  { kind }: Pick<PlannedPart, 'kind'>,
  only: readonly SetupSelection[] | null,
): boolean {
  return only === null || only.includes(selections[kind]);
}

/** What runs, or lies where a machine from a snapshot begins anew; the rest is on the disk, and goes with it. */
export function isOfThisMachine({ kind }: Pick<PlannedPart, 'kind'>): boolean {
  return kind === 'services' || kind === 'hook';
}

/** Without these, commands of the project would only fail in a way that is harder to read. */
const needs: Readonly<Partial<Record<SetupPartKind, readonly SetupPartKind[]>>> = {
  script: ['packages', 'bundle', 'repositories', 'services', 'script'],
  hook: ['packages', 'bundle', 'repositories', 'services', 'script', 'hook'],
};

/** @returns the first part that failed and that this one needs; null: it may run */
export function findBlocker(
  part: PlannedPart,
  failed: readonly Pick<PlannedPart, 'kind' | 'name'>[],
): Pick<PlannedPart, 'kind' | 'name'> | null {
  // That is put in place, and not run.
  if (part.name === 'pre_down') return null;
  return failed.find(({ kind }) => needs[part.kind]?.includes(kind)) ?? null;
}

function preDownPart(order: SetupOrder): PlannedPart[] {
  if (order.preDown.length === 0) return [];
  return [
    {
      ...{ kind: 'hook', name: 'pre_down', log: 'hooks/pre-down.log' },
      hash: hashOf([order.preDown, order.directory]),
      run: async ({ places }) => placePreDownHook(places.preDownHook, order),
    },
  ];
}

/** One transaction for all: what the user has named, what bundles want, and git where something is to be cloned. */
function packagesPart(order: SetupOrder): PlannedPart[] {
  const bundled = [...order.bundles, ...order.aiTools].flatMap(({ aptPackages, archives }) => [
    ...aptPackages,
    ...(archives.length > 0 ? ['ca-certificates', 'curl'] : []),
  ]);
  const clones = order.repositories.length > 0 || order.dotfiles !== null;
  const wanted = [...new Set([...order.packages, ...bundled, ...(clones ? ['git'] : [])])];
  if (wanted.length === 0) return [];
  return [
    {
      ...{ kind: 'packages', name: 'packages', log: 'packages.log' },
      hash: hashOf([...wanted].sort()),
      run: (tools) => installPackages(tools, wanted, order.packages),
    },
  ];
}

function bundlePart(kind: 'bundle' | 'ai', plan: BundlePlan): PlannedPart {
  return {
    ...{ kind, name: plan.name, log: `bundles/${plan.name}.log`, hash: hashOf(plan) },
    run: (tools) => installBundle(tools, plan),
  };
}

function repositoriesPart(order: SetupOrder): PlannedPart[] {
  if (order.repositories.length === 0) return [];
  return [
    {
      ...{ kind: 'repositories', name: 'repositories', log: 'repositories.log' },
      hash: hashOf(order.repositories),
      run: cloneRepositories,
    },
  ];
}

function dotfilesPart({ dotfiles }: SetupOrder): PlannedPart[] {
  if (dotfiles === null) return [];
  return [
    {
      ...{ kind: 'dotfiles', name: 'dotfiles', log: 'dotfiles.log', hash: hashOf(dotfiles) },
      run: (tools) => installDotfiles(tools, dotfiles),
    },
  ];
}

function servicesPart({ services, directory }: SetupOrder): PlannedPart[] {
  if (services === null) return [];
  return [
    {
      ...{ kind: 'services', name: 'services', log: 'services.log', hash: hashOf([services, directory]) },
      run: (tools) => startServices(tools, services),
    },
  ];
}

/** The variables of the project are not in the hash: they are in memory, and in each session anew. */
function devcontainerPart({ devcontainer, directory }: SetupOrder): PlannedPart[] {
  if (devcontainer === undefined) return [];
  return [
    {
      ...{ kind: 'devcontainer', name: 'devcontainer', log: 'devcontainer.log' },
      hash: hashOf([devcontainer, directory]),
      run: (tools) => startDevcontainer(tools, devcontainer),
    },
  ];
}

/** Each stands on those before it: one that changes makes those after it due again. */
function scriptParts(order: SetupOrder, kind: 'script' | 'hook', texts: readonly string[]): PlannedPart[] {
  let before = order.directory;
  return texts.map((text, index) => {
    const name = String(index + 1).padStart(3, '0');
    before = hashOf([before, text]);
    return {
      ...{ kind, name, log: `${kind}s/${name}.log`, hash: before },
      run: (tools) => runScript(tools, `${kind}-${name}`, text),
    };
  });
}

function hashOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
