import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProcess } from '../../src/lib/process.ts';
import { type BootMachine, BootScene } from '../e2e/boot-machine.ts';

// A TCP and a UDP service of the user's on every address; each answers `here`.
const listener = `
import socket, threading
tcp = socket.create_server(("0.0.0.0", 9090))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 9090))
def answer():
    while True:
        udp.sendto(b"here", udp.recvfrom(16)[1])
threading.Thread(target=answer, daemon=True).start()
while True:
    peer = tcp.accept()[0]
    peer.sendall(b"here")
    peer.close()
`;

/** What a TCP service at an address says within 2 s, as the engine's host sees it; null for none. */
async function askTcp(host: string, port: number): Promise<string | null> {
  const socket = connect({ host, port, timeout: 2_000 });
  socket.on('timeout', () => socket.destroy(new Error('timeout')));
  try {
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString();
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
}

async function askUdp(host: string, port: number): Promise<string | null> {
  const socket = createSocket('udp4');
  try {
    socket.send('who', port, host);
    const [data] = (await once(socket, 'message', { signal: AbortSignal.timeout(2_000) })) as [Buffer];
    return data.toString();
  } catch {
    return null;
  } finally {
    socket.close();
  }
}

/** The same two questions, asked by another machine of the same network. */
const askFromThere = `
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    try:
        with socket.socket(socket.AF_INET, kind) as s:
            s.settimeout(2)
            s.connect((host, port))
            if kind == socket.SOCK_DGRAM: s.send(b"who")
            print(s.recv(16).decode())
    except OSError:
        print("nothing")
`;

// V2: 22 is the only port that answers from outside, whatever listens on the machine.
describe('ports of a machine after its first boot', () => {
  const scene = new BootScene();
  let machine: BootMachine;
  let neighbour: BootMachine;
  let neighbourAddress: string;
  let machineAddress: string;

  const serve = () =>
    machine.ok(['systemd-run', '--quiet', '--unit=listener', '--uid=dev', 'python3', '-c', listener]);
  const askNeighbour = async (port: number, address = machineAddress) =>
    (await neighbour.ok(['python3', '-c', askFromThere, address, String(port)])).trim().split('\n');
  /** A container's question to a service of the neighbour's. */
  const askFromBox = async () => {
    await neighbour.run(['systemd-run', '--quiet', '--unit=listener', 'python3', '-c', listener]);
    const self = () => neighbour.run(['python3', '-c', askFromThere, '127.0.0.1', '9090']);
    await expect.poll(self, { timeout: 10_000 }).toMatchObject({ stdout: 'here\nhere\n' });
    const argv = ['ip', 'netns', 'exec', 'box', 'python3', '-c', askFromThere, neighbourAddress, '9090'];
    return (await machine.ok(argv)).trim().split('\n');
  };
  const closeAndOpen = async (body: () => Promise<void>) => {
    await machine.ok(['nft', 'delete', 'table', 'inet', 'spuff']);
    try {
      await body();
    } finally {
      await machine.ok(['systemctl', 'restart', 'spuff-firewall.service']);
    }
  };

  beforeAll(async () => {
    machine = await scene.boot(await scene.makeLoginKey('login'));
    const beside = await scene.startNeighbour(machine);
    ({ neighbour, machineAddress } = beside);
    neighbourAddress = beside.address;
  });
  afterAll(() => scene.remove());

  it('has sshd as the only listener of a fresh boot beyond loopback', async () => {
    const lines = (await machine.ok(['ss', '-Hltnu'])).trim().split('\n');
    const local = lines
      .map((line) => line.split(/\s+/)[4] ?? '')
      .filter((address) => !/^(?:127\.|\[::1\])/.test(address));
    expect(local.sort()).toEqual(['0.0.0.0:22', '[::]:22']);
  });

  it('keeps a service of the user away from the host and the neighbours', async () => {
    await serve();
    const self = () => machine.run(['python3', '-c', askFromThere, '127.0.0.1', '9090']);
    await expect.poll(self, { timeout: 10_000 }).toMatchObject({ stdout: 'here\nhere\n' });
    expect(await askTcp(machine.address, 9090)).toBeNull();
    expect(await askUdp(machine.address, 9090)).toBeNull();
    expect(await askNeighbour(9090)).toEqual(['nothing', 'nothing']);
  });

  it('shows 22 alone to a scan of all 65535', async () => {
    const pace = ['-T5', '--max-retries', '1', '--min-rate', '20000'];
    const { stdout } = await runProcess(['nmap', '-Pn', '-n', '-p-', ...pace, '-oG', '-', machine.address]);
    expect(stdout).toMatch(/Status: Up/);
    expect([...stdout.matchAll(/(\d+)\/open\//g)].map(([, port]) => port)).toEqual(['22']);
  });

  it('is held closed by the firewall: without it, they reach it', async () => {
    await closeAndOpen(async () => {
      expect(await askTcp(machine.address, 9090)).toBe('here');
      expect(await askUdp(machine.address, 9090)).toBe('here');
      expect(await askNeighbour(9090)).toEqual(['here', 'here']);
    });
    expect(await askTcp(machine.address, 9090)).toBeNull();
  });

  it('keeps a port closed that a container on the machine publishes', async () => {
    // What a container engine does for `-p 8081:9090`, by hand.
    const publish = `set -e
ip netns add box; ip link add br-box type bridge; ip addr add 10.99.0.1/24 dev br-box; ip link set br-box up
ip link add out type veth peer name in; ip link set out master br-box up; ip link set in netns box
ip -n box addr add 10.99.0.2/24 dev in; ip -n box link set in up; ip -n box link set lo up
ip -n box route add default via 10.99.0.1
nft add table ip engine
nft 'add chain ip engine pre { type nat hook prerouting priority dstnat; }'
nft add rule ip engine pre tcp dport 8081 dnat to 10.99.0.2:9090`;
    await machine.ok(['sh', '-c', publish]);
    await machine.ok([
      'systemd-run',
      '--quiet',
      '--unit=box',
      'ip',
      'netns',
      'exec',
      'box',
      'python3',
      '-c',
      listener,
    ]);
    await expect
      .poll(() => machine.run(['python3', '-c', askFromThere, '10.99.0.2', '9090']))
      .toMatchObject({ stdout: 'here\nhere\n' });
    expect(await askTcp(machine.address, 8081)).toBeNull();
    expect((await askNeighbour(8081))[0]).toBe('nothing');
    await closeAndOpen(async () => expect(await askTcp(machine.address, 8081)).toBe('here'));
    expect(await machine.ok(['nft', 'list', 'table', 'ip', 'engine'])).toContain('10.99.0.2');
  });

  it('keeps a container away from a neighbour that has a route to it, which needs no published port', async () => {
    await neighbour.ok(['ip', 'route', 'add', '10.99.0.0/24', 'via', machineAddress]);
    expect(await askNeighbour(9090, '10.99.0.2')).toEqual(['nothing', 'nothing']);
    await closeAndOpen(async () => expect(await askNeighbour(9090, '10.99.0.2')).toEqual(['here', 'here']));
    expect(await askNeighbour(9090, '10.99.0.2')).toEqual(['nothing', 'nothing']);
  });

  it('takes an interface that nobody thought of for the outside', async () => {
    await machine.ok(['ip', 'link', 'set', 'br-box', 'down']);
    await machine.ok(['ip', 'link', 'set', 'br-box', 'name', 'wwan7']);
    await machine.ok(['ip', 'link', 'set', 'wwan7', 'up']);
    expect(await askFromBox()).toEqual(['nothing', 'nothing']);
    await machine.ok(['ip', 'link', 'set', 'wwan7', 'down']);
    await machine.ok(['ip', 'link', 'set', 'wwan7', 'name', 'br-box']);
    await machine.ok(['ip', 'link', 'set', 'br-box', 'up']);
  });

  it('lets a container call out, and the answers in', async () => {
    expect(await askFromBox()).toEqual(['here', 'here']);
  });

  it('still answers an echo request', async () => {
    const { stdout } = await runProcess(['nmap', '-sn', '-n', '-PE', '--disable-arp-ping', machine.address]);
    expect(stdout).toContain('Host is up');
  });

  it('is closed after a reboot, before the network comes up', async () => {
    await machine.reboot();
    await serve();
    expect(await askNeighbour(9090)).toEqual(['nothing', 'nothing']);
    const order = ['systemctl', 'show', '--value', '--property=ActiveEnterTimestampMonotonic'];
    const firewall = Number(await machine.ok([...order, 'spuff-firewall.service']));
    expect(firewall).toBeGreaterThan(0);
    expect(firewall).toBeLessThanOrEqual(Number(await machine.ok([...order, 'network-pre.target'])));
  });

  it.each([
    ['a syntax error', 'chain fwd\n', 'syntax error'],
    ['nothing at all', null, ''],
  ])('says loudly that a ruleset with %s in it did not load', async (_what, addition, words) => {
    const rules = '/etc/spuff/firewall.nft';
    await machine.ok(['cp', rules, `${rules}.good`]);
    await machine.ok(addition === null ? ['truncate', '-s', '0', rules] : ['tee', '-a', rules], {
      stdin: addition ?? '',
    });
    await machine.reboot();
    expect((await machine.run(['systemctl', 'is-system-running'])).stdout).toBe('degraded\n');
    expect(await machine.ok(['systemctl', 'list-units', '--failed', '--plain', '--no-legend'])).toMatch(
      /^spuff-firewall\.service\s/,
    );
    expect(await machine.ok(['journalctl', '-b', '-u', 'spuff-firewall.service', '--no-pager'])).toContain(
      words,
    );
    await machine.ok(['mv', `${rules}.good`, rules]);
    await machine.ok(['systemctl', 'restart', 'spuff-firewall.service']);
    expect(await askNeighbour(9090)).toEqual(['nothing', 'nothing']);
  });
});
