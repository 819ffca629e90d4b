import { dirname } from 'node:path';
import type { Provider, Size } from '../domain/provider.ts';
import { makePrivateDirectory, readPrivateFile, writeFileAtomically } from '../lib/atomic-file.ts';

type Catalog = Awaited<ReturnType<Provider['catalog']>>;

export interface CatalogCacheOptions {
  /** The file; its directory is made. */
  path: string;
  /** The API's address: what another one has told is not taken. */
  source: string;
  now: () => number;
  /** How long it is good for; an hour when missing. Prices and sizes change by the month; what is sold out, by the hour. */
  lifetimeMs?: number;
}

const usualLifetimeMs = 3_600_000;
/** Without any price: whoever may not know them is likely to mend that. */
const unpricedLifetimeMs = 300_000;
const maxBytes = 16 * 1024 * 1024;
const format = 1;

/**
 * The provider, with a catalogue that is asked for once in its lifetime and kept in a file between commands. A file that
 * can't be read or written costs a request and nothing else.
 */
export function cacheCatalog(provider: Provider, options: CatalogCacheOptions): Provider {
  return {
    ...provider,
    catalog: async (call) => {
      call.signal.throwIfAborted();
      const kept = readCatalog(options, provider.caps);
      if (kept) return kept;
      const catalog = await provider.catalog(call);
      writeCatalog(options, catalog);
      return catalog;
    },
  };
}

function readCatalog(
  { path, source, now, lifetimeMs = usualLifetimeMs }: CatalogCacheOptions,
  caps: Provider['caps'],
): Catalog | null {
  try {
    const text = readPrivateFile(path, maxBytes);
    const kept = text === null ? null : (JSON.parse(text) as Kept);
    const ageMs = now() - (kept?.savedAtMs ?? 0);
    if (kept?.format !== format || kept.source !== source || ageMs < 0 || ageMs > lifetimeMs) return null;
    const isPriced = caps.prices === 'none' || kept.catalog.sizes.some(({ hourly }) => hourly !== null);
    return isPriced || ageMs <= unpricedLifetimeMs ? revive(kept.catalog) : null;
  } catch {
    return null;
  }
}

function writeCatalog({ path, source, now }: CatalogCacheOptions, catalog: Catalog): void {
  try {
    makePrivateDirectory(dirname(path));
    writeFileAtomically(path, JSON.stringify({ format, source, savedAtMs: now(), catalog } satisfies Kept));
  } catch {
    // A full disk or a read-only home: the next command asks again.
  }
}

interface Kept {
  format: number;
  source: string;
  savedAtMs: number;
  catalog: Catalog;
}

/** JSON has made text of the moments. */
function revive({ regions, sizes, images }: Catalog): Catalog {
  return {
    regions,
    sizes: sizes.map((size) => ({ ...size, regions: size.regions.map(reviveOffer) })),
    images: images.map((image) => ({
      ...image,
      createdAt: toDate(image.createdAt),
      deprecatedAfter: toDate(image.deprecatedAfter),
    })),
  };
}

function reviveOffer(offer: Size['regions'][number]): Size['regions'][number] {
  return { ...offer, deprecatedAfter: toDate(offer.deprecatedAfter) };
}

function toDate(moment: Date | string | null): Date | null {
  return moment === null ? null : new Date(moment);
}
