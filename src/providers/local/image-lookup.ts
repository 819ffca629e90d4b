import type Dockerode from 'dockerode';
import type { Image, ImageRef } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { escapeText } from '../../lib/escape.ts';
import { statusOf } from './engine-errors.ts';
import { baseName, baseSlug } from './image-recipe.ts';
import { filterOf, label, labelText, type RawLabels } from './labels.ts';

export interface BaseImage {
  id: string;
  slug: string;
  /** Digest of the recipe it was built by. */
  recipe: string | null;
  image: Image;
}

/** Spuff's base images, the newest first. */
export async function listBaseImages(docker: Dockerode): Promise<BaseImage[]> {
  const found = await docker.listImages({ filters: filterOf('base') });
  const images = found
    .toSorted((a, b) => b.Created - a.Created)
    .flatMap((info) => {
      const slug = labelText(info.Labels, label.slug);
      return slug === null || !/^[a-z0-9-]{1,60}$/.test(slug) ? [] : [{ info, slug }];
    });
  return images.map(({ info, slug }) => ({
    id: info.Id,
    slug,
    recipe: labelText(info.Labels, label.recipe),
    image: {
      ref: { kind: 'slug', slug },
      name: slug === baseSlug ? baseName : slug,
      os: 'debian',
      arch: labelArch(info.Labels),
      sizeBytes: info.Size,
      createdAt: new Date(info.Created * 1_000),
      deprecatedAfter: null,
    },
  }));
}

/** A base image says for which processor it is; everything made from it inherits that. */
export function labelArch(labels: RawLabels): 'x86_64' | 'arm64' {
  return archOf(labelText(labels, label.arch) ?? process.arch);
}

/** The engine's word for a processor, as the port says it. */
export function archOf(word: string): 'x86_64' | 'arm64' {
  return word === 'arm64' || word === 'aarch64' ? 'arm64' : 'x86_64';
}

/**
 * The engine's id of an image: the newest base image of a slug, or a snapshot. Nothing that spuff did not make is booted.
 * @throws ProviderError `not-found` with the command that helps
 */
export async function findImage(docker: Dockerode, ref: ImageRef, op: string): Promise<string> {
  if (ref.kind === 'slug') {
    const image = (await listBaseImages(docker)).find(({ slug }) => slug === ref.slug);
    if (image) return image.id;
    throw notFound(
      ref.slug,
      op,
      ref.slug === baseSlug ? 'build it: spuff image build' : `the local provider has one: ${baseSlug}`,
    );
  }
  try {
    const info = await docker.getImage(imagePath(ref.id, op)).inspect();
    const kind = labelText(info.Config?.Labels, label.kind);
    if (kind === 'snapshot' || kind === 'base') return info.Id;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
  throw notFound(ref.id, op, 'see which there are: spuff snapshot list');
}

/** An image id as it may stand in a path of the API. */
export function imagePath(id: string, op: string): string {
  if (/^(?:sha256:)?[0-9a-f]{12,64}$/.test(id)) return id;
  throw notFound(id, op, 'see which there are: spuff snapshot list');
}

function notFound(what: string, op: string, hint: string): ProviderError {
  const shown = escapeText(what, { singleLine: true }).slice(0, 100);
  return new ProviderError('not-found', `there is no image ${JSON.stringify(shown)}`, {
    provider: 'local',
    op,
    retryable: false,
    hints: [hint],
  });
}
