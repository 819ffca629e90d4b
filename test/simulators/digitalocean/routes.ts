import type { SimAnswer, SimRequest } from '../sim-server.ts';
import { bodyOf, existing, notFound, pageOf, unprocessable } from './answers.ts';
import { imageAnswer, regionAnswer, simImages, simRegions, simSizes, sizeAnswer } from './catalog-data.ts';
import type { DigitalOceanCloud } from './digitalocean-cloud.ts';
import { actOnDroplet, deleteDroplet, getDroplet, listDroplets, makeDroplet } from './droplet-routes.ts';
import type { SimDroplet } from './sim-droplets.ts';

interface Route {
  method: string;
  path: RegExp;
  /** Those of the official description. */
  scopes: readonly string[];
  handle(
    cloud: DigitalOceanCloud,
    request: SimRequest,
    parts: readonly string[],
  ): SimAnswer | Promise<SimAnswer>;
}

/** `GET /v2/tags/{}`: each `{}` is a part of the path that the handler gets. */
function route(text: string, scopes: string, handle: Route['handle']): Route {
  const [method = '', path = ''] = text.split(' ');
  const pattern = new RegExp(`^${path.replaceAll('{}', '([^/]+)')}$`);
  return { method, path: pattern, scopes: scopes.split(' '), handle };
}

const ok = (body: unknown, status = 200): SimAnswer => ({ status, body });
const gone: SimAnswer = { status: 204 };

const account = [
  route('GET /v2/account', 'account:read', (cloud) =>
    ok({
      account: {
        droplet_limit: cloud.machineLimit,
        floating_ip_limit: 3,
        email: 'sammy@example.com',
        name: 'Sammy',
        uuid: 'b6fr89dbf6d9156cace5f3c78dc9851d957381ef',
        email_verified: true,
        status: cloud.accountStatus,
        status_message: cloud.accountStatus === 'active' ? '' : 'Please contact support.',
        team: { uuid: '5df3e3004a17e242b7c20ca6c9fc25b701a47ece', name: 'My Team' },
      },
    }),
  ),
  route('GET /v2/account/keys', 'ssh_key:read', ({ keys }, request) =>
    pageOf(request, 'ssh_keys', keys.all()),
  ),
  route('POST /v2/account/keys', 'ssh_key:create', ({ keys }, request) =>
    ok({ ssh_key: keys.make(request) }, 201),
  ),
  route('GET /v2/account/keys/{}', 'ssh_key:read', ({ keys }, _, [id = '']) =>
    ok({ ssh_key: existing(keys.find(id)) }),
  ),
  route('DELETE /v2/account/keys/{}', 'ssh_key:delete', ({ keys }, _, [id = '']) => {
    keys.remove(existing(keys.find(id)));
    return gone;
  }),
];

const droplets = [
  route('GET /v2/droplets', 'droplet:read', listDroplets),
  route('POST /v2/droplets', 'droplet:create', makeDroplet),
  route('GET /v2/droplets/{}', 'droplet:read', getDroplet),
  route('DELETE /v2/droplets/{}', 'droplet:delete', deleteDroplet),
  route('GET /v2/droplets/{}/actions', 'droplet:read', ({ droplets: all, images }, request, [id]) => {
    const { id: number } = existing(all.get(Number(id)));
    return pageOf(
      request,
      'actions',
      images.actions(number).map((action) => images.actionAnswer(action)),
    );
  }),
  route('POST /v2/droplets/{}/actions', 'droplet:update', actOnDroplet),
  route('GET /v2/droplets/{}/snapshots', 'droplet:read', ({ droplets: all, images }, request, [id]) => {
    const { id: number } = existing(all.get(Number(id)));
    const own = images.snapshots().filter(({ dropletId }) => dropletId === number);
    return pageOf(
      request,
      'snapshots',
      own.map((snapshot) => images.snapshotAnswer(snapshot, 'droplet')),
    );
  }),
  route('GET /v2/actions', 'actions:read', ({ images }, request) =>
    pageOf(
      request,
      'actions',
      images.actions().map((action) => images.actionAnswer(action)),
    ),
  ),
  route('GET /v2/actions/{}', 'actions:read', ({ images }, _, [id]) =>
    ok({ action: images.actionAnswer(existing(images.action(Number(id)))) }),
  ),
];

const firewalls = [
  route('GET /v2/firewalls', 'firewall:read', ({ firewalls: all }, request) =>
    pageOf(
      request,
      'firewalls',
      all.all().map((firewall) => all.answer(firewall)),
    ),
  ),
  route('POST /v2/firewalls', 'firewall:create', ({ firewalls: all }, request) =>
    ok({ firewall: all.answer(all.make(request)) }, 202),
  ),
  route('GET /v2/firewalls/{}', 'firewall:read', ({ firewalls: all }, _, [id = '']) =>
    ok({ firewall: all.answer(existing(all.get(id))) }),
  ),
  route('PUT /v2/firewalls/{}', 'firewall:update', ({ firewalls: all }, request, [id = '']) =>
    ok({ firewall: all.answer(all.replace(existing(all.get(id)), request)) }),
  ),
  route('DELETE /v2/firewalls/{}', 'firewall:delete', ({ firewalls: all }, _, [id = '']) => {
    all.remove(existing(all.get(id)).id);
    return gone;
  }),
];

function tagAnswer(cloud: DigitalOceanCloud, name: string): unknown {
  const count = cloud.droplets.all().filter((droplet) => cloud.tagsOf(droplet).includes(name)).length;
  const volumes = cloud.volumes.all().filter(({ tags }) => tags.includes(name)).length;
  const none = { count: 0 };
  const resources = { images: none, volume_snapshots: none, databases: none };
  return {
    name,
    resources: { count: count + volumes, droplets: { count }, volumes: { count: volumes }, ...resources },
  };
}

function dropletsIn(cloud: DigitalOceanCloud, request: SimRequest): SimDroplet[] {
  const resources = (bodyOf(request)['resources'] ?? []) as { resource_id: string; resource_type: string }[];
  return resources.map(({ resource_id: id, resource_type: type }) => {
    if (type !== 'droplet') throw unprocessable('Only droplets are tagged here');
    return existing(cloud.droplets.get(Number(id)));
  });
}

const tags = [
  route('GET /v2/tags', 'tag:read', (cloud, request) =>
    pageOf(
      request,
      'tags',
      [...cloud.tags].map((name) => tagAnswer(cloud, name)),
    ),
  ),
  route('POST /v2/tags', 'tag:create', (cloud, request) => {
    const name = String(bodyOf(request)['name'] ?? '');
    if (!/^[a-zA-Z0-9_:-]{1,255}$/.test(name)) throw unprocessable('Tag name is invalid');
    cloud.tags.add(name);
    return ok({ tag: tagAnswer(cloud, name) }, 201);
  }),
  route('POST /v2/tags/{}/resources', 'tag:create', (cloud, request, [name = '']) => {
    if (!cloud.tags.has(name)) throw notFound();
    for (const droplet of dropletsIn(cloud, request)) droplet.tags = [...new Set([...droplet.tags, name])];
    return gone;
  }),
  route('DELETE /v2/tags/{}/resources', 'tag:delete', (cloud, request, [name = '']) => {
    if (!cloud.tags.has(name)) throw notFound();
    for (const droplet of dropletsIn(cloud, request))
      droplet.tags = droplet.tags.filter((tag) => tag !== name);
    return gone;
  }),
  route('GET /v2/tags/{}', 'tag:read', (cloud, _, [name = '']) => {
    if (!cloud.tags.has(name)) throw notFound();
    return ok({ tag: tagAnswer(cloud, name) });
  }),
  route('POST /v2/tags/{}/resources', 'tag:create droplet:update', (cloud, request, [name = '']) => {
    if (!cloud.tags.has(name)) throw notFound();
    const { resources } = bodyOf(request) as {
      resources?: { resource_id?: string; resource_type?: string }[];
    };
    for (const { resource_id: id, resource_type: type } of resources ?? []) {
      if (type !== 'droplet') throw unprocessable('the simulator tags droplets only');
      const droplet = existing(cloud.droplets.get(Number(id)));
      if (!droplet.tags.includes(name)) droplet.tags = [...droplet.tags, name];
    }
    return gone;
  }),
  route('DELETE /v2/tags/{}', 'tag:delete', (cloud, _, [name = '']) => {
    if (!cloud.tags.delete(name)) throw notFound();
    for (const droplet of cloud.droplets.all()) droplet.tags = droplet.tags.filter((tag) => tag !== name);
    for (const volume of cloud.volumes.all()) volume.tags = volume.tags.filter((tag) => tag !== name);
    cloud.firewalls.untag(name);
    return gone;
  }),
];

const catalogue = [
  route('GET /v2/regions', 'regions:read', (cloud, request) =>
    pageOf(
      request,
      'regions',
      simRegions.map(({ slug }) => regionAnswer(slug, cloud.fullRegions.includes(slug))),
    ),
  ),
  route('GET /v2/sizes', 'sizes:read', (_, request) => pageOf(request, 'sizes', simSizes.map(sizeAnswer))),
  route('GET /v2/images', 'image:read', (_, request) =>
    pageOf(request, 'images', simImages.map(imageAnswer)),
  ),
  route('GET /v2/snapshots', 'snapshot:read', ({ images }, request) => {
    const isOther = request.query.get('resource_type') === 'volume';
    const all = isOther ? [] : images.snapshots();
    return pageOf(
      request,
      'snapshots',
      all.map((snapshot) => images.snapshotAnswer(snapshot, 'all')),
    );
  }),
  route('DELETE /v2/snapshots/{}', 'image:delete snapshot:delete', ({ images }, _, [id]) => {
    images.remove(existing(images.snapshots().find((one) => one.id === Number(id))).id);
    return gone;
  }),
  route('GET /v2/volumes', 'block_storage:read', ({ volumes }, request) =>
    pageOf(
      request,
      'volumes',
      volumes.all().map((volume) => volumes.answer(volume)),
    ),
  ),
  route('GET /v2/volumes/{}', 'block_storage:read', ({ volumes }, _, [id = '']) =>
    ok({ volume: volumes.answer(existing(volumes.get(id))) }),
  ),
  route('DELETE /v2/volumes/{}', 'block_storage:delete', ({ volumes, droplets: all }, _, [id = '']) => {
    volumes.remove(existing(volumes.get(id)), (number) => all.get(number) !== undefined);
    return gone;
  }),
];

/** What spuff may ask for, and the official clients in the tests; nothing that deletes by tag or with all that hangs on it. */
export const routes: readonly Route[] = [...account, ...droplets, ...firewalls, ...tags, ...catalogue];
