/** What a simulated cloud tells the machine itself, and how the machine knows in which cloud it is. */

export interface MetadataRequest {
  method: string;
  /** With its query. */
  path: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
}

export interface MetadataAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  body: string;
  /** How many networks the answer may pass through; without a limit when missing. */
  hops?: number;
}

/** The machine's network card, which is known when the machine is about to boot. */
export interface NetworkCard {
  ipv4: string;
  mac: string;
}

export interface CloudMetadata {
  /** cloud-init's name of the cloud, and the settings for it that it needs in a container. */
  datasource: 'DigitalOcean' | 'Hetzner' | 'Ec2';
  settings: Readonly<Record<string, unknown>>;
  /** What the machine's firmware (DMI) says, by which cloud-init knows the cloud and the machine. */
  firmware: Readonly<Record<'sys_vendor' | 'product_serial' | 'product_uuid', string>>;
  /** The host name that the machine comes up with. */
  hostName: string;
  /** Asked anew for each request: what the cloud has changed since is in it. */
  answer(request: MetadataRequest, card: NetworkCard): MetadataAnswer;
}

/** Files with their text, and folders of them. */
export interface Tree {
  readonly [name: string]: string | Tree;
}

/** A file, or the names in a folder, one a line: folders end in a slash. */
export function answerFrom(tree: Tree, path: string): MetadataAnswer {
  let found: string | Tree | undefined = tree;
  for (const name of path.split('/').filter((part) => part !== ''))
    found = typeof found === 'object' && Object.hasOwn(found, name) ? found[name] : undefined;
  if (found === undefined) return { status: 404, headers: plain, body: '404 - Not Found\n' };
  if (typeof found === 'string') return { status: 200, headers: plain, body: found };
  const names = Object.entries(found).map(([name, inside]) =>
    typeof inside === 'string' ? name : `${name}/`,
  );
  return { status: 200, headers: plain, body: names.join('\n') };
}

export const plain = { 'content-type': 'text/plain' };
