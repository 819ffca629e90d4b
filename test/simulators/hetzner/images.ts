import type { SimAnswer, SimRequest } from '../sim-server.ts';
import { isoTime, notFound, page, pick, Refusal } from './answers.ts';
import type { SimImage } from './offers.ts';
import type { SimState } from './state.ts';

function statusOfImage(image: SimImage, nowMs: number): 'available' | 'creating' | 'unavailable' {
  if (nowMs < image.readyMs) return 'creating';
  return image.fails ? 'unavailable' : 'available';
}

export function showImage(image: SimImage, nowMs: number): unknown {
  const { id, type, name, description, os_flavor, os_version, architecture, labels, deprecated } = image;
  const status = statusOfImage(image, nowMs);
  return {
    ...{ id, type, name, description, os_flavor, os_version, architecture, labels, deprecated, status },
    image_size: type === 'snapshot' && status === 'available' ? 2.25 : null,
    disk_size: 5,
    created: isoTime(image.createdMs),
    created_from: image.createdFrom,
    bound_to: null,
    rapid_deploy: type === 'system',
    protection: { delete: false },
    deleted: null,
  };
}

export function listImages(state: SimState, request: SimRequest): SimAnswer {
  const nowMs = state.clock.now();
  const { query } = request;
  const one = (name: string) => query.getAll(name);
  const found = pick(request, state.images.values())
    .filter(({ type }) => one('type').length === 0 || one('type').includes(type))
    .filter((image) => one('status').length === 0 || one('status').includes(statusOfImage(image, nowMs)))
    .filter(({ architecture }) => (query.get('architecture') ?? architecture) === architecture)
    .filter(({ deprecated }) => deprecated === null || query.get('include_deprecated') === 'true');
  return page(request, 'images', found, (image) => showImage(image, nowMs));
}

export function getImage(state: SimState, id: string | undefined): SimImage {
  const image = state.images.get(Number(id));
  if (!image) throw notFound(`image with ID '${id}'`);
  return image;
}

export function deleteImage(state: SimState, id: string | undefined): SimAnswer {
  const image = getImage(state, id);
  if (image.type === 'system') throw new Refusal(403, 'forbidden', 'system images can not be deleted');
  state.images.delete(image.id);
  return { status: 204, body: '' };
}
