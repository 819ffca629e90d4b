import type { SimAnswer, SimRequest } from '../sim-server.ts';
import { notFound, page, pick, Refusal, readBody, readLabels, showAction } from './answers.ts';
import {
  createSshKey,
  deletePossession,
  deleteSshKey,
  getPossession,
  getSshKey,
  listPossessions,
  listSshKeys,
  showPossession,
  showSshKey,
} from './belongings.ts';
import {
  applyFirewall,
  createFirewall,
  deleteFirewall,
  getFirewall,
  listFirewalls,
  removeFirewall,
  setRules,
  showFirewall,
} from './firewalls.ts';
import type { HetznerCloud } from './hetzner-cloud.ts';
import { deleteImage, getImage, listImages, showImage } from './images.ts';
import { locations, pricing, serverTypes } from './offers.ts';
import {
  createServer,
  deleteServer,
  getServer,
  listServers,
  powerOffServer,
  powerOnServer,
  showServer,
  snapshotServer,
} from './servers.ts';

type Handler = (cloud: HetznerCloud, request: SimRequest, id?: string) => SimAnswer | Promise<SimAnswer>;

const ok = (body: unknown): SimAnswer => ({ status: 200, body });

const routes: readonly (readonly [string, Handler])[] = [
  ['GET /servers', (cloud, request) => listServers(cloud.state, cloud.listLagSeconds * 1_000, request)],
  ['POST /servers', (cloud, request) => createServer(cloud.state, cloud, request)],
  [
    'GET /servers/ID',
    async ({ state }, _, id) => ok({ server: await showServer(state, getServer(state, id)) }),
  ],
  [
    'PUT /servers/ID',
    async ({ state }, request, id) => {
      const server = getServer(state, id);
      const { name, labels } = readBody(request);
      if (typeof name === 'string') server.name = name;
      if (labels !== undefined) server.labels = readLabels(labels);
      return ok({ server: await showServer(state, server) });
    },
  ],
  ['DELETE /servers/ID', ({ state }, _, id) => deleteServer(state, id)],
  ['POST /servers/ID/actions/poweroff', ({ state }, _, id) => powerOffServer(state, id, 'stop_server')],
  ['POST /servers/ID/actions/shutdown', ({ state }, _, id) => powerOffServer(state, id, 'shutdown_server')],
  ['POST /servers/ID/actions/poweron', ({ state }, _, id) => powerOnServer(state, id)],
  [
    'POST /servers/ID/actions/create_image',
    (cloud, request, id) => {
      const fails = cloud.failNextImage;
      cloud.failNextImage = false;
      return snapshotServer(cloud.state, request, id, fails);
    },
  ],
  ['GET /servers/ID/actions', listServerActions],
  ['GET /actions', listActions],
  ['GET /actions/ID', showOneAction],
  ['GET /servers/ID/actions/ID', showOneAction],
  ['GET /firewalls', ({ state }, request) => listFirewalls(state, request)],
  ['POST /firewalls', ({ state }, request) => createFirewall(state, request)],
  ['GET /firewalls/ID', ({ state }, _, id) => ok({ firewall: showFirewall(getFirewall(state, id)) })],
  ['DELETE /firewalls/ID', ({ state }, _, id) => deleteFirewall(state, id)],
  ['POST /firewalls/ID/actions/set_rules', ({ state }, request, id) => setRules(state, request, id)],
  [
    'POST /firewalls/ID/actions/apply_to_resources',
    ({ state }, request, id) => applyFirewall(state, request, id),
  ],
  [
    'POST /firewalls/ID/actions/remove_from_resources',
    ({ state }, request, id) => removeFirewall(state, request, id),
  ],
  ['GET /ssh_keys', ({ state }, request) => listSshKeys(state, request)],
  ['POST /ssh_keys', ({ state }, request) => createSshKey(state, request)],
  ['GET /ssh_keys/ID', ({ state }, _, id) => ok({ ssh_key: showSshKey(getSshKey(state, id)) })],
  ['DELETE /ssh_keys/ID', ({ state }, _, id) => deleteSshKey(state, id)],
  ['GET /images', ({ state }, request) => listImages(state, request)],
  ['GET /images/ID', ({ state }, _, id) => ok({ image: showImage(getImage(state, id), state.clock.now()) })],
  ['DELETE /images/ID', ({ state }, _, id) => deleteImage(state, id)],
  ['GET /volumes', ({ state }, request) => listPossessions(state, 'volumes', request)],
  [
    'GET /volumes/ID',
    ({ state }, _, id) => ok({ volume: showPossession(getPossession(state, 'volumes', id)) }),
  ],
  ['DELETE /volumes/ID', ({ state }, _, id) => deletePossession(state, 'volumes', id)],
  ['GET /primary_ips', ({ state }, request) => listPossessions(state, 'primary_ips', request)],
  [
    'GET /primary_ips/ID',
    ({ state }, _, id) => ok({ primary_ip: showPossession(getPossession(state, 'primary_ips', id)) }),
  ],
  ['DELETE /primary_ips/ID', ({ state }, _, id) => deletePossession(state, 'primary_ips', id)],
  ['GET /locations', (_, request) => listOffers(request, 'locations', locations)],
  ['GET /locations/ID', (_, __, id) => ok({ location: findOffer(locations, id) })],
  ['GET /server_types', (_, request) => listOffers(request, 'server_types', serverTypes)],
  ['GET /server_types/ID', (_, __, id) => ok({ server_type: findOffer(serverTypes, id) })],
  ['GET /pricing', () => ok({ pricing })],
];

/** @throws Refusal 404 for a path that is not there, 405 for a method that it does not have */
export function findRoute(
  request: SimRequest,
): (cloud: HetznerCloud, request: SimRequest) => ReturnType<Handler> {
  const path = request.path.replace(/^\/v1(?=\/)/, '');
  const on = routes.map(([route, handler]) => {
    const [method, template = ''] = route.split(' ');
    return { method, handler, match: new RegExp(`^${template.replaceAll('ID', '([^/]+)')}$`).exec(path) };
  });
  const there = on.filter(({ match }) => match !== null);
  const found = there.find(({ method }) => method === request.method);
  if (found) return (cloud, asked) => found.handler(cloud, asked, found.match?.at(-1));
  throw there.length > 0 ? new Refusal(405, 'method_not_allowed', 'method is not allowed') : notFound('path');
}

function listServerActions({ state }: HetznerCloud, request: SimRequest, id?: string): SimAnswer {
  const all = state
    .actionsOf(getServer(state, id).id)
    .map((action) => ({ ...action, name: null, labels: {} }));
  return page(request, 'actions', pick(request, all), (action) => showAction(action, state.clock.now()));
}

function listActions({ state }: HetznerCloud, request: SimRequest): SimAnswer {
  const ids = request.query.getAll('id').map(Number);
  const found = [...state.actions.values()].filter(({ id }) => ids.includes(id));
  return ok({ actions: found.map((action) => showAction(action, state.clock.now())) });
}

function showOneAction({ state }: HetznerCloud, _: SimRequest, id?: string): SimAnswer {
  const action = state.actions.get(Number(id));
  if (!action) throw notFound('action');
  return ok({ action: showAction(action, state.clock.now()) });
}

function listOffers<T extends { id: number; name: string }>(
  request: SimRequest,
  member: string,
  offers: readonly T[],
): SimAnswer {
  const labelled = offers.map((offer) => ({ id: offer.id, name: offer.name, labels: {}, offer }));
  return page(request, member, pick(request, labelled), ({ offer }) => offer);
}

function findOffer<T extends { id: number }>(offers: readonly T[], id: string | undefined): T {
  const offer = offers.find((one) => String(one.id) === id);
  if (!offer) throw notFound('offer');
  return offer;
}
