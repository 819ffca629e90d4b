/**
 * The simulator held against clients that others wrote: if it were wrong about the API, they would not get through. Both
 * are Debian packages, older than the description, and differ from it where `knownFaults` says.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type HetznerHarness, makeHetznerHarness } from '../simulators/hetzner/harness.ts';
import { simToken } from '../simulators/hetzner/hetzner-cloud.ts';

const run = promisify(execFile);
const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJhc2U2NCBvZiBhIGtleSBmb3IgdGhlIHRlc3Rz me@laptop';

/** They ask for actions by pages, as one could once, and name an image by its number. */
const knownFaults = [
  'GET /actions: the query parameter page is not declared',
  'POST /servers request: /image must be string {"type":"string"}',
];

describe('clients of others, on the simulator of hetzner', () => {
  let harness: HetznerHarness;
  let home: string;

  const environment = () => ({
    PATH: '/usr/bin:/bin',
    HOME: home,
    HCLOUD_TOKEN: simToken,
    HCLOUD_ENDPOINT: harness.baseUrl.href,
    KEY_FILE: join(home, 'key.pub'),
  });
  const hcloud = async (...args: string[]): Promise<string> =>
    (await run('hcloud', args, { env: environment(), timeout: 60_000 })).stdout;

  beforeAll(async () => {
    harness = await makeHetznerHarness();
    // They sleep by the real clock: let the simulated one go on as they ask.
    harness.cloud.msPerRequest = 2_000;
  });

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'spuff-hcloud-'));
    writeFileSync(join(home, 'key.pub'), `${publicKey}\n`);
  });

  afterEach(async () => {
    rmSync(home, { recursive: true, force: true });
    expect(harness.cloud.inventory()).toEqual({});
    await harness.cloud.clear();
  });

  afterAll(async () => {
    await harness.sim.stop();
    expect(harness.sim.descriptionFaults.filter((fault) => !knownFaults.includes(fault))).toEqual([]);
    expect(harness.sim.requests.filter(({ status }) => status === 404 || status === 500)).toEqual([]);
  });

  test('hcloud-cli takes a machine from its making to its end', async () => {
    await hcloud('ssh-key', 'create', '--name', 'me', '--public-key-from-file', join(home, 'key.pub'));
    await hcloud('firewall', 'create', '--name', 'door');
    const rule = ['--direction', 'in', '--protocol', 'tcp', '--port', '22'];
    await hcloud('firewall', 'add-rule', 'door', ...rule, '--source-ips', '198.51.100.7/32');
    const what = ['--type', 'cpx22', '--image', 'debian-12', '--location', 'nbg1', '--label', 'team=a'];
    const made = await hcloud(
      ...['server', 'create', '--name', 'web', ...what, '--ssh-key', 'me', '--firewall', 'door'],
    );
    expect(made).toMatch(/Server \d+ created\nIPv4: 203\.0\.113\.\d+/);
    expect(await hcloud('server', 'list', '-l', 'team=a')).toMatch(/web +running +203\.0\.113/);
    expect(await hcloud('server', 'list', '-l', 'team=b')).not.toContain('web');
    expect(await hcloud('server', 'describe', 'web')).toMatch(/Server Type:\s+cpx22[\s\S]*Memory:\s+4 GB/);
    expect(await hcloud('firewall', 'describe', 'door')).toMatch(/198\.51\.100\.7\/32[\s\S]*web/);
    await hcloud('server', 'poweroff', 'web');
    expect(await hcloud('server', 'describe', 'web', '-o', 'format={{.Status}}')).toBe('off\n');
    await hcloud('server', 'create-image', '--type', 'snapshot', '--description', 'kept', 'web');
    const [, image] =
      /^(\d+) +snapshot .*kept/m.exec(await hcloud('image', 'list', '--type', 'snapshot')) ?? [];
    await hcloud('image', 'delete', image ?? 'none');
    await hcloud('server', 'delete', 'web');
    harness.clock.advance(60_000);
    await hcloud('firewall', 'delete', 'door');
    await hcloud('ssh-key', 'delete', 'me');
  });

  test('hcloud-cli is refused as it knows how', async () => {
    await hcloud('firewall', 'create', '--name', 'door');
    await expect(hcloud('firewall', 'create', '--name', 'door')).rejects.toThrow(/uniqueness_error/);
    harness.cloud.fullRegions = ['nbg1'];
    const what = ['--type', 'cpx22', '--image', 'debian-12', '--location', 'nbg1'];
    const ordering = hcloud('server', 'create', '--name', 'web', ...what);
    await expect(ordering).rejects.toThrow(/error during placement \(resource_unavailable\)/);
    harness.cloud.fullRegions = [];
    await hcloud('firewall', 'delete', 'door');
  });

  test('python3-hcloud takes a machine from its making to its end', async () => {
    writeFileSync(join(home, 'life.py'), pythonLife);
    const { stdout } = await run('/usr/bin/python3', [join(home, 'life.py')], {
      ...{ env: environment(), timeout: 60_000 },
    });
    expect(stdout.split('\n')).toEqual([
      'running True py-web',
      '22 198.51.100.7/32 1',
      'off',
      'kept available',
      'uniqueness_error',
      '[]',
      '',
    ]);
  });
});

const pythonLife = `
import os
import time
from hcloud import APIException, Client
from hcloud.firewalls.domain import FirewallRule
from hcloud.images.domain import Image
from hcloud.locations.domain import Location
from hcloud.server_types.domain import ServerType

client = Client(
    token=os.environ["HCLOUD_TOKEN"],
    api_endpoint=os.environ["HCLOUD_ENDPOINT"],
    poll_interval=0.01,
)
with open(os.environ["KEY_FILE"]) as file:
    key = client.ssh_keys.create(name="py", public_key=file.read())
rule = FirewallRule(direction="in", protocol="tcp", port="22", source_ips=["198.51.100.7/32"])
door = client.firewalls.create(name="py-door", rules=[rule]).firewall
order = client.servers.create(
    name="py-web",
    server_type=ServerType("cpx22"),
    image=Image(name="debian-12"),
    location=Location(name="nbg1"),
    ssh_keys=[key],
    firewalls=[door],
    labels={"team": "a"},
)
order.action.wait_until_finished()
for action in order.next_actions:
    action.wait_until_finished()
server = client.servers.get_by_name("py-web")
print(server.status, order.root_password is None, client.servers.get_all(label_selector="team=a")[0].name)
door = client.firewalls.get_by_id(door.id)
print(door.rules[0].port, door.rules[0].source_ips[0], len(door.applied_to))
server.power_off().wait_until_finished()
print(client.servers.get_by_id(server.id).status)
image = server.create_image(description="kept", type="snapshot")
image.action.wait_until_finished()
kept = client.images.get_all(type="snapshot")[0]
print(kept.description, kept.status)
kept.delete()
try:
    client.ssh_keys.create(name="py-again", public_key=key.public_key)
except APIException as error:
    print(error.code)
server.delete().wait_until_finished()
for _ in range(20):
    try:
        door.delete()
        break
    except APIException as error:
        assert error.code == "resource_in_use", error.code
key.delete()
print(client.servers.get_all())
`;
