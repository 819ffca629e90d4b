import { bundles, releasesOn } from '../bootstrap/plan-bundles.ts';
import type { Distribution } from '../domain/bundle-plan.ts';

export interface BundleReport {
  name: string;
  title: string;
  note: string | null;
  /** What a wish without a version gets. */
  defaultVersion: string;
  versions: { version: string; exact: string; aliases: readonly string[] }[];
  /** Of the default version. */
  tools: { tool: string; kind: string; from: string; required: boolean }[];
}

/** What there is to wish for on machines of a distribution. Asks nobody: it is part of spuff. */
export function listBundles(distribution: Distribution): BundleReport[] {
  return bundles.map((definition) => {
    const releases = releasesOn(definition, distribution);
    const defaultVersion = definition.defaultVersion[distribution];
    const release = releases.find(({ version }) => version === defaultVersion);
    if (!release) throw new TypeError(`${definition.name} has no ${defaultVersion} on ${distribution}`);
    const { tools } = definition.content({ release, arch: 'x86_64', distribution });
    return {
      name: definition.name,
      title: definition.title,
      note: definition.note ?? null,
      defaultVersion,
      versions: releases.map(({ version, exact, aliases = [] }) => ({ version, exact, aliases })),
      tools: tools.map(({ tool, kind, from, required }) => ({ tool, kind, from, required })),
    };
  });
}
