import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BootMachine, BootScene } from '../e2e/boot-machine.ts';

// A metadata service as clouds have it: HTTP, and a name server at the same address.
const service = `
import http.server, socket, threading
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"user data")
    def log_message(self, *args): pass
dns = socket.create_server(("169.254.169.254", 53))
def names():
    while True:
        dns.accept()[0].close()
threading.Thread(target=names, daemon=True).start()
http.server.HTTPServer(("169.254.169.254", 80), Answer).serve_forever()
`;

const fetch = `
import sys, urllib.request
try:
    print(urllib.request.urlopen("http://169.254.169.254/latest/user-data", timeout=3).read().decode())
except OSError as error:
    print("refused:", error)
`;

const askNames = `
import socket
socket.create_connection(("169.254.169.254", 53), timeout=3)
`;

// V6: after the boot, the metadata service of the cloud answers root alone.
describe('the metadata service, seen from a machine after its first boot', () => {
  const scene = new BootScene();
  let machine: BootMachine;

  const asked = async (argv: readonly string[], user = 'root') =>
    (await machine.ok([...argv, 'python3', '-c', fetch], { user })).trim();

  beforeAll(async () => {
    machine = await scene.boot(await scene.makeLoginKey('login'));
    const { neighbour: cloud, address } = await scene.startNeighbour(machine);
    await cloud.ok(['ip', 'addr', 'add', '169.254.169.254/32', 'dev', 'lo']);
    await cloud.ok(['sh', '-c', 'exec setsid python3 -c "$1" >/dev/null 2>&1 &', 'sh', service]);
    await machine.ok(['ip', 'route', 'add', '169.254.169.254', 'via', address]);
    // A container on the machine: a network of its own, and root in it, behind the machine's address.
    const box = `set -e
ip netns add box; ip link add br-box type bridge; ip addr add 10.99.0.1/24 dev br-box; ip link set br-box up
ip link add out type veth peer name in; ip link set out master br-box up; ip link set in netns box
ip -n box addr add 10.99.0.2/24 dev in; ip -n box link set in up; ip -n box route add default via 10.99.0.1
nft add table ip engine
nft 'add chain ip engine post { type nat hook postrouting priority srcnat; }'
nft add rule ip engine post ip saddr 10.99.0.0/24 oifname eth1 masquerade`;
    await machine.ok(['sh', '-c', box]);
  });
  afterAll(() => scene.remove());

  it('answers root', async () => {
    await expect.poll(() => asked([]), { timeout: 10_000 }).toBe('user data');
  });

  it('refuses the user at once, not by a time-out', async () => {
    expect(await asked([], 'dev')).toMatch(/^refused: .*No route to host/);
  });

  it('refuses root in a container', async () => {
    expect(await asked(['ip', 'netns', 'exec', 'box'])).toMatch(/^refused: /);
  });

  it('leaves the name server at the same address to everyone', async () => {
    expect(await machine.run(['python3', '-c', askNames], { user: 'dev' })).toMatchObject({ exitCode: 0 });
    const fromBox = ['ip', 'netns', 'exec', 'box', 'python3', '-c', askNames];
    expect(await machine.run(fromBox)).toMatchObject({ exitCode: 0 });
  });

  it('is held closed by the firewall: without it, they reach it', async () => {
    await machine.ok(['nft', 'delete', 'table', 'inet', 'spuff']);
    expect(await asked([], 'dev')).toBe('user data');
    expect(await asked(['ip', 'netns', 'exec', 'box'])).toBe('user data');
    await machine.ok(['systemctl', 'restart', 'spuff-firewall.service']);
    expect(await asked([], 'dev')).toMatch(/^refused: /);
  });

  it('refuses the user over IPv6 as well', async () => {
    // A network with IPv6 in it, which engines switch off, under the same rules; they close all ports but that of DNS.
    const prepare = `set -e
ip netns add six; ip -n six link set lo up; ip -n six addr add fd00:ec2::254/128 dev lo
ip netns exec six nft -f /etc/spuff/firewall.nft
systemd-run --quiet --unit=six ip netns exec six python3 -m http.server -d /etc/cloud --bind fd00:ec2::254 8080`;
    await machine.ok(['sh', '-c', prepare]);
    const ask = (user: string) => {
      const command = fetch.replace('169.254.169.254/latest/user-data', '[fd00:ec2::254]:8080/cloud.cfg');
      return machine.run([
        'ip',
        'netns',
        'exec',
        'six',
        'setpriv',
        `--reuid=${user}`,
        'python3',
        '-c',
        command,
      ]);
    };
    await expect
      .poll(() => ask('root'), { timeout: 10_000 })
      .toMatchObject({
        stdout: expect.stringContaining('cloud_init_modules'),
      });
    expect((await ask('dev')).stdout).toMatch(/^refused: /);
  });
});
