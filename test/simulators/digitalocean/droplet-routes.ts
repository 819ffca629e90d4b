import type { SimAnswer, SimRequest } from '../sim-server.ts';
import { bodyOf, existing, pageOf, type Refusal, textsOf, unprocessable } from './answers.ts';
import { simImages, simRegions, simSizes } from './catalog-data.ts';
import type { DigitalOceanCloud } from './digitalocean-cloud.ts';
import type { DropletOrder } from './sim-droplets.ts';

/** Droplets with a GPU are in a list of their own; a tag can't be combined with anything. */
export async function listDroplets(cloud: DigitalOceanCloud, request: SimRequest): Promise<SimAnswer> {
  const { query } = request;
  const [tag, name, type] = [query.get('tag_name'), query.get('name'), query.get('type')];
  if (tag !== null && (name !== null || type === 'gpus'))
    throw unprocessable('tag_name can not be combined with name or type');
  const isGpu = (slug: string) => slug.startsWith('gpu-');
  const found = cloud
    .listed()
    .filter((droplet) => isGpu(droplet.size) === (type === 'gpus'))
    .filter((droplet) => name === null || droplet.name === name)
    .filter((droplet) => tag === null || cloud.tagsOf(droplet).includes(tag));
  const page = pageOf(request, 'droplets', found);
  const body = page.body as { droplets: typeof found };
  const droplets = await Promise.all(body.droplets.map((droplet) => cloud.answerDroplet(droplet)));
  return { status: 200, body: { ...body, droplets } };
}

export async function getDroplet(
  cloud: DigitalOceanCloud,
  _request: SimRequest,
  [id]: readonly string[],
): Promise<SimAnswer> {
  const droplet = existing(cloud.droplets.get(Number(id)));
  return { status: 200, body: { droplet: await cloud.answerDroplet(droplet) } };
}

export async function deleteDroplet(
  cloud: DigitalOceanCloud,
  _request: SimRequest,
  [id]: readonly string[],
): Promise<SimAnswer> {
  const droplet = existing(cloud.droplets.get(Number(id)));
  if (droplet.lockedUntilMs > cloud.clock.now()) throw pendingEvent();
  await cloud.droplets.remove(droplet);
  return { status: 204 };
}

export async function actOnDroplet(
  cloud: DigitalOceanCloud,
  request: SimRequest,
  [id]: readonly string[],
): Promise<SimAnswer> {
  const droplet = existing(cloud.droplets.get(Number(id)));
  const { type, name } = bodyOf(request);
  if (droplet.lockedUntilMs > cloud.clock.now()) throw pendingEvent();
  if (type !== 'snapshot') {
    const done = await cloud.act(String(droplet.id), String(type));
    return { status: 201, body: { action: cloud.images.actionAnswer(done) } };
  }
  cloud.requireScopes(['image:create']);
  const fullName = typeof name === 'string' ? name : droplet.name;
  const action = cloud.images.takeSnapshot(droplet, fullName, () => cloud.droplets.keep(droplet));
  return { status: 201, body: { action: cloud.images.actionAnswer(action) } };
}

function pendingEvent(): Refusal {
  return unprocessable('Droplet already has a pending event.');
}

/** Answers at once; whether there is room on a host shows afterwards. */
export async function makeDroplet(cloud: DigitalOceanCloud, request: SimRequest): Promise<SimAnswer> {
  const order = readOrder(bodyOf(request));
  if (order.tags.length > 0) cloud.requireScopes(['tag:create']);
  checkOrder(cloud, order);
  if (cloud.droplets.all().length >= cloud.machineLimit)
    throw unprocessable('creating this/these droplet(s) will exceed your droplet limit');
  if (cloud.fullRegions.includes(order.region)) throw unprocessable('Size is not available in this region.');
  for (const tag of order.tags) cloud.tags.add(tag);
  const failure = cloud.failNextPlacement ? cloud.placementFailure : null;
  cloud.failNextPlacement = false;
  const droplet = cloud.droplets.make(order, failure);
  const action = cloud.images.begin(droplet, 'create', droplet.activeMs ?? cloud.clock.now() + 5_000);
  action.fails = droplet.createFailed;
  const href = `https://api.digitalocean.com/v2/actions/${action.id}`;
  const links = { actions: [{ id: action.id, rel: 'create', href }] };
  return { status: 202, body: { droplet: await cloud.answerDroplet(droplet), links } };
}

function readOrder(body: Readonly<Record<string, unknown>>): DropletOrder {
  const text = (name: string) => (typeof body[name] === 'string' ? body[name] : '');
  const image = body['image'];
  return {
    name: text('name'),
    region: text('region'),
    size: text('size'),
    image: typeof image === 'number' ? image : String(image ?? ''),
    tags: textsOf(body['tags']),
    sshKeys: textsOf(body['ssh_keys']),
    userData: text('user_data'),
  };
}

/** @throws Refusal 422 in the words of the real one */
function checkOrder(cloud: DigitalOceanCloud, order: DropletOrder): void {
  if (!/^[a-zA-Z0-9]?[a-z0-9A-Z.-]*[a-z0-9A-Z]$/.test(order.name))
    throw unprocessable('Name Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)');
  if (!simRegions.some(({ slug }) => slug === order.region))
    throw unprocessable('You specified an invalid region for Droplet creation.');
  if (!simSizes.some(({ slug }) => slug === order.size))
    throw unprocessable('You specified an invalid size for Droplet creation.');
  const known =
    simImages.some(({ id, slug }) => [id, slug].includes(order.image)) ||
    cloud.images.snapshots().some(({ id }) => String(id) === String(order.image));
  if (!known) throw unprocessable('You specified an invalid image for Droplet creation.');
  const unknownKeys = order.sshKeys.filter((key) => !cloud.keys.find(key));
  if (unknownKeys.length > 0)
    throw unprocessable(`${unknownKeys.join(', ')} are invalid key identifiers for Droplet creation.`);
  const bytes = Buffer.byteLength(order.userData);
  if (bytes > 65_536) throw unprocessable('User data is too long (maximum is 64KiB)');
  if (order.tags.some((tag) => !/^[a-zA-Z0-9_:-]{1,255}$/.test(tag)))
    throw unprocessable('Tag name is invalid');
}
