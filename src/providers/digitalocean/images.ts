import type { Image, ImageRef } from '../../domain/provider.ts';
import { showRemote } from '../../lib/api-client.ts';
import type { Answer } from './answer.ts';

/**
 * `debian-12` and `ubuntu-24.04` are the names that every provider of spuff knows; DigitalOcean's own are
 * `debian-12-x64` and `ubuntu-24-04-x64`. Either can be asked for.
 */
export function toImageSlug(slug: string): string {
  const [, system, version] = /^(debian|ubuntu)-(\d+(?:[.]\d+)?)$/.exec(slug) ?? [];
  return system === undefined || version === undefined ? slug : `${system}-${version.replace('.', '-')}-x64`;
}

/** What the API takes as `image`: a slug, or the number of a snapshot. */
export function toImageParameter(image: ImageRef): string | number {
  return image.kind === 'slug' ? toImageSlug(image.slug) : Number(image.id);
}

/** A public image that spuff can set up: Debian or Ubuntu for this processor; null for another. */
export function toImage(answer: Answer): Image | null {
  const slug = answer.at('slug').textOr('');
  const [, system, version] = /^(debian|ubuntu)-(\d+(?:-\d+)?)-x64$/.exec(slug) ?? [];
  if (system === undefined || version === undefined) return null;
  const name = `${system}-${version.replace('-', '.')}`;
  const gigabytes = answer.at('size_gigabytes').numberOr(null);
  const created = answer.at('created_at');
  return {
    ref: { kind: 'slug', slug: name },
    name: showRemote(`${answer.at('distribution').textOr(system)} ${answer.at('name').textOr(version)}`),
    os: system,
    arch: 'x86_64',
    sizeBytes: gigabytes === null ? null : Math.round(gigabytes * 1e9),
    createdAt: created.isMissing ? null : created.date(),
    // The API marks an image that is no longer made from, without saying since when: its last day is behind it.
    deprecatedAfter: answer.at('status').textOr('') === 'retired' ? new Date(0) : null,
  };
}
