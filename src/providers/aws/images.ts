import type { Image, ImageRef } from '../../domain/provider.ts';
import { showRemote } from '../../lib/api-client.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { readPlacedId } from './endpoints.ts';
import { failure, rawCodeOf } from './errors.ts';
import { toArch } from './machine-state.ts';
import { filterBy } from './query-body.ts';
import { itemsOf, nodeAt, requireText, textOf, type XmlNode } from './read-xml.ts';

type Arch = 'x86_64' | 'arm64';

interface KnownImage {
  name: string;
  os: string;
  /** The account that publishes it: a name alone could be anybody's. */
  owner: string;
  /** Of the image's name there, with `*` for what changes from one to the next. */
  pattern(arch: 'amd64' | 'arm64'): string;
  /** Where its publisher tells the newest one; null: the newest by date is it. */
  parameter: ((arch: 'amd64' | 'arm64') => string) | null;
}

const debian = '136693071363';
const canonical = '099720109477';

function ubuntu(version: string, codename: string, disk: string): KnownImage {
  return {
    name: `Ubuntu ${version} LTS`,
    os: 'ubuntu',
    owner: canonical,
    pattern: (arch) => `ubuntu/images/hvm-ssd*/ubuntu-${codename}-${version}-${arch}-server-*`,
    parameter: (arch) =>
      `/aws/service/canonical/ubuntu/server/${version}/stable/current/${arch}/hvm/${disk}/ami-id`,
  };
}

/**
 * @see https://wiki.debian.org/Cloud/AmazonEC2Image (the owner and the names of Debian's images)
 * @see https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/ (the owner and the parameters)
 */
const knownImages: Readonly<Record<string, KnownImage>> = {
  'debian-12': {
    name: 'Debian 12',
    os: 'debian',
    owner: debian,
    pattern: (arch) => `debian-12-${arch}-*`,
    parameter: null,
  },
  'ubuntu-24.04': ubuntu('24.04', 'noble', 'ebs-gp3'),
  'ubuntu-22.04': ubuntu('22.04', 'jammy', 'ebs-gp2'),
};

/** One that is there, for whoever asks whether it may be read. */
export const parameterOfTrial =
  '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id';

export const defaultImage: ImageRef = { kind: 'slug', slug: 'debian-12' };

/** What an order of a machine needs to know of its image. */
export interface BootImage {
  id: string;
  arch: Arch;
  rootDevice: string;
  rootGiB: number;
}

/**
 * The image that a machine is to start from, in its region and for its processor.
 * @throws ProviderError `not-found`, or `invalid` where the image is for another region or processor
 */
export async function findBootImage(
  client: AwsClient,
  call: AwsCall,
  ref: ImageRef,
  arch: Arch,
): Promise<BootImage> {
  const node =
    ref.kind === 'slug'
      ? await findBySlug(client, call, ref.slug, arch)
      : await findById(client, call, ref.id);
  const image = readBootImage(node, call.op);
  if (image.arch === arch) return image;
  throw failure('invalid', call.op, `the image ${image.id} is for ${image.arch}, and the size for ${arch}`, {
    field: 'image',
    hints: [`take a size with an ${image.arch} processor`],
  });
}

function readBootImage(node: XmlNode, op: string): BootImage {
  const rootDevice = requireText(node, 'rootDeviceName', op);
  const root = itemsOf(node, 'blockDeviceMapping').find((item) => textOf(item, 'deviceName') === rootDevice);
  const size = Number(textOf(nodeAt(root ?? {}, 'ebs'), 'volumeSize') ?? Number.NaN);
  return {
    id: requireText(node, 'imageId', op),
    arch: toArch(textOf(node, 'architecture')),
    rootDevice,
    rootGiB: Number.isInteger(size) ? size : 0,
  };
}

/** Finds nothing that is not published by whom it should be. */
async function findBySlug(client: AwsClient, call: AwsCall, slug: string, arch: Arch): Promise<XmlNode> {
  const known = Object.hasOwn(knownImages, slug) ? knownImages[slug] : undefined;
  if (!known) throw noImage(slug, call.op, [`there are: ${Object.keys(knownImages).join(', ')}`]);
  const word = debianArch(arch);
  const named = known.parameter ? await readParameter(client, call, known.parameter(word)) : null;
  const params =
    named === null
      ? { Filter: [filterBy('name', known.pattern(word)), filterBy('state', 'available')] }
      : { ImageId: [named] };
  const found = await collectPages(
    client.ec2Pages(call, 'DescribeImages', 'imagesSet', { ...params, Owner: [known.owner] }),
  );
  const newest = newestOf(found);
  if (newest) return newest;
  throw noImage(slug, call.op, [`${known.name} is not to be had in ${call.region}: try another region`]);
}

function debianArch(arch: Arch): 'amd64' | 'arm64' {
  return arch === 'arm64' ? 'arm64' : 'amd64';
}

/** null where whoever asks may not read parameters, or there is none: then the newest image by date is taken. */
async function readParameter(client: AwsClient, call: AwsCall, name: string): Promise<string | null> {
  try {
    const answer = await client.json(call, 'ssm', 'AmazonSSM.GetParameter', { Name: name });
    const parameter = (answer as { Parameter?: { Value?: unknown } } | null)?.Parameter?.Value;
    return typeof parameter === 'string' && readPlacedId(parameter, 'ami') ? parameter : null;
  } catch (error) {
    if (/^(?:AccessDenied(?:Exception)?|ParameterNotFound)$/.test(rawCodeOf(error) ?? '')) return null;
    throw error;
  }
}

async function findById(client: AwsClient, call: AwsCall, text: string): Promise<XmlNode> {
  const placed = readPlacedId(text, 'ami');
  if (placed === null) throw noImage(text, call.op, ['see which there are: spuff snapshot list']);
  if (placed.region !== null && placed.region !== call.region) {
    throw failure(
      'invalid',
      call.op,
      `the snapshot is in ${placed.region}, and the machine was to be in ${call.region}`,
      {
        field: 'image',
        hints: [`make the machine where the snapshot is: --region ${placed.region}`],
      },
    );
  }
  const node = await getImage(client, call, placed.id);
  if (node) return node;
  throw noImage(text, call.op, ['see which there are: spuff snapshot list']);
}

/** null where there is no such image, or none any more. */
export async function getImage(client: AwsClient, call: AwsCall, id: string): Promise<XmlNode | null> {
  try {
    const answer = await client.ec2(call, 'DescribeImages', { ImageId: [id] });
    const [node] = itemsOf(answer, 'imagesSet');
    return node && textOf(node, 'imageState') !== 'deregistered' ? node : null;
  } catch (error) {
    if (/^InvalidAMIID\./.test(rawCodeOf(error) ?? '')) return null;
    throw error;
  }
}

function noImage(what: string, op: string, hints: string[]): Error {
  return failure('not-found', op, `there is no image ${JSON.stringify(showRemote(what).slice(0, 100))}`, {
    field: 'image',
    hints,
  });
}

/** The newest known images of a region, for both processors. */
export async function listKnownImages(client: AwsClient, call: AwsCall): Promise<Image[]> {
  const owners = [debian, canonical];
  const patterns = Object.values(knownImages).flatMap(({ pattern }) => [pattern('amd64'), pattern('arm64')]);
  const found = await collectPages(
    client.ec2Pages(call, 'DescribeImages', 'imagesSet', {
      Owner: owners,
      Filter: [filterBy('name', ...patterns), filterBy('state', 'available')],
    }),
  );
  return Object.entries(knownImages).flatMap(([slug, known]) =>
    (['x86_64', 'arm64'] as const).flatMap((arch) => {
      const pattern = toPattern(known.pattern(debianArch(arch)));
      const newest = newestOf(
        found.filter(
          (node) => textOf(node, 'imageOwnerId') === known.owner && pattern.test(textOf(node, 'name') ?? ''),
        ),
      );
      return newest ? [toImage(newest, slug, known)] : [];
    }),
  );
}

function toPattern(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('\\*', '.*')}$`);
}

function newestOf(nodes: readonly XmlNode[]): XmlNode | undefined {
  const date = (node: XmlNode) => textOf(node, 'creationDate') ?? '';
  return nodes.toSorted((a, b) => date(b).localeCompare(date(a)))[0];
}

function toImage(node: XmlNode, slug: string, known: KnownImage): Image {
  return {
    ref: { kind: 'slug', slug },
    name: known.name,
    os: known.os,
    arch: toArch(textOf(node, 'architecture')),
    sizeBytes: null,
    createdAt: dateOf(node, 'creationDate'),
    deprecatedAfter: dateOf(node, 'deprecationTime'),
  };
}

export function dateOf(node: XmlNode, name: string): Date | null {
  const date = new Date(textOf(node, name) ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}

export async function collectPages(pages: AsyncIterable<XmlNode[]>): Promise<XmlNode[]> {
  const all: XmlNode[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

/** For a plan, which asks nobody. */
export function describeImage(ref: ImageRef, region: string): string {
  if (ref.kind === 'id') return readPlacedId(ref.id, 'ami')?.id ?? ref.id;
  return `(the newest ${ref.slug} in ${region})`;
}
