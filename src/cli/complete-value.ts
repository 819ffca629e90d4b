import type { AppContext } from '../app/context.ts';
import { callOptions } from '../app/context.ts';
import type { Provider } from '../domain/provider.ts';
import type { Candidate, Completion, CompletionContext } from './completion.ts';
import type { CompleterName } from './parameters.ts';
import { stateOf } from './render/instance.ts';
import { formatMoment } from './render/text.ts';

/** Someone waits with a finger on the key. */
const patienceMs = 1_500;

type Complete = (context: CompletionContext, words: readonly string[]) => Promise<Candidate[]>;

const completers: Record<CompleterName, Complete> = {
  instances: ({ app }) => offerInstances(app, ''),
  'copy-paths': ({ app }) => offerInstances(app, ':'),
  files: async () => [],
  snapshots: async ({ app }) => {
    const { listSnapshots } = await import('../app/snapshots.ts');
    const listed = await listSnapshots(app);
    return listed.map(({ snapshot }) => ({ value: snapshot.name, about: snapshot.instanceName ?? '' }));
  },
  prebuilds: async ({ app }) => {
    const { listPrebuilds } = await import('../app/prebuilds.ts');
    const listed = await listPrebuilds(app);
    return listed.map(({ snapshot, project }) => ({ value: snapshot.name, about: project }));
  },
  rescues: async ({ app }) => {
    const now = app.runtime.now();
    const rescues = (await app.rescues()).list();
    return rescues.map(({ name, createdAt }) => ({ value: name, about: formatMoment(createdAt, now) }));
  },
  providers: async ({ providerIds }) => providerIds.map((value) => ({ value, about: '' })),
  sizes: async ({ app }) => {
    const { sizes } = await readCatalog(app);
    return sizes.map(({ id, vcpus, memoryMiB }) => ({ value: id, about: `${vcpus} vCPU, ${memoryMiB} MiB` }));
  },
  regions: async ({ app }) => {
    const { regions } = await readCatalog(app);
    return regions.map(({ id, available }) => ({ value: id, about: available ? '' : 'sold out' }));
  },
  images: async ({ app }) => {
    const { images } = await readCatalog(app);
    return images.map(({ ref, name, os }) => ({ value: ref.kind === 'slug' ? ref.slug : name, about: os }));
  },
  'config-keys': async ({ openConfig }) =>
    (await openConfig()).keys.map(({ name, about }) => ({ value: name, about })),
  'config-values': async (context, [key = '']) => {
    const alike = alikeSettings[key];
    if (alike) return completers[alike](context, []);
    const { openConfig } = context;
    const known = (await openConfig()).keys.find(({ name }) => name === key);
    return (known?.choices ?? []).map((value) => ({ value, about: '' }));
  },
};

/** Settings that take what an option of the same meaning takes. */
const alikeSettings: Readonly<Record<string, CompleterName>> = {
  provider: 'providers',
  region: 'regions',
  allowed_regions: 'regions',
  size: 'sizes',
  image: 'images',
};

/** Candidates from the user's machine and provider. What can't be had in time is not offered. */
export async function completeValue(
  name: CompleterName,
  words: readonly string[],
  context: CompletionContext,
): Promise<Completion> {
  const files = name === 'files' || name === 'copy-paths';
  const signal = AbortSignal.any([context.app.signal, AbortSignal.timeout(patienceMs)]);
  try {
    return {
      candidates: await completers[name]({ ...context, app: { ...context.app, signal } }, words),
      files,
    };
  } catch {
    return { candidates: [], files };
  }
}

async function offerInstances(app: AppContext, suffix: string): Promise<Candidate[]> {
  const state = await app.state();
  return state
    .listInstances()
    .map((instance) => ({ value: instance.name + suffix, about: stateOf(instance) }));
}

async function readCatalog(app: AppContext): Promise<Awaited<ReturnType<Provider['catalog']>>> {
  const settings = await app.settings();
  const provider = await app.provider(settings.provider);
  return provider.catalog(callOptions(app, patienceMs));
}
