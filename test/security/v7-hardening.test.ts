/** V7: what others' tools say of a machine after its first boot, beside one of the same image that nothing was done to. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Vm } from '../../src/domain/provider.ts';
import { ProjectScene } from '../e2e/project-scene.ts';
import { makeSpec, openProvider, within } from '../machine/lab.ts';

const scene = new ProjectScene();
let stock: Vm;

/** The packages of Lynis without those that it only recommends; and the settings of its own network, as a kernel of its own has. */
const measure = `set -e
until systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded'; do sleep 1; done
mount --bind /proc/sys/net /proc/sys/net && mount -o remount,rw,bind /proc/sys/net
[ ! -e /etc/sysctl.d/99-spuff.conf ] || sysctl -q -e -p /etc/sysctl.d/99-spuff.conf 2>/dev/null || true
apt-get -qq update >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends lynis >/dev/null 2>&1
lynis audit system --quick --no-colors >/dev/null 2>&1 || true
grep -o 'hardening_index=[0-9]*' /var/log/lynis-report.dat | cut -d= -f2`;

let ours: string;

beforeAll(async () => {
  await scene.home.ok(['init', '--yes']);
  scene.write({});
  await scene.home.ok(['up', 'shop', '--no-connect', '--no-setup', '--ttl', '2h'], { cwd: scene.folder });
  const { stdout } = await scene.home.ok(['ls', '--json']);
  ours = (JSON.parse(stdout) as { instances: { vmId: string }[] }).instances[0]?.vmId ?? '';
  // The same image, and nothing that a first boot could do.
  const spec = makeSpec({ userData: '#cloud-config\n{}\n' });
  stock = await openProvider().create(spec, within(60_000));
  await openProvider().waitFor(stock.id, 'running', within(60_000));
});
afterAll(async () => {
  const { key } = stock;
  if (key !== null) await openProvider().destroy(stock.id, { ...within(60_000), expectKey: key });
  await scene.remove();
});

const indexOf = (name: string) =>
  Number(
    execFileSync('docker', ['exec', name, 'sh', '-c', measure], {
      encoding: 'utf8',
      timeout: 170_000,
    }).trim(),
  );

it("has a hardening index by Lynis that is ten above the stock image's", () => {
  const [before, after] = [indexOf(stock.id), indexOf(ours)];
  expect(before).toBeGreaterThan(0);
  expect(after, `Lynis: stock ${before}, spuff ${after}`).toBeGreaterThanOrEqual(before + 10);
}, 400_000);

it('shuts its agent in: an exposure of 2.0 at most by systemd-analyze', async () => {
  const said = await scene.onMachine('systemd-analyze', 'security', '--no-pager', 'spuff-agent');
  expect(Number(/exposure level for spuff-agent\.service: ([\d.]+)/.exec(said)?.[1])).toBeLessThanOrEqual(2);
});

it('keeps no dump of a program, and loads no protocol that nobody asks for', async () => {
  expect(await scene.onMachine('sh', '-c', 'ulimit -Hc')).toBe('0\n');
  expect(await scene.onMachine('cat', '/etc/modprobe.d/spuff.conf')).toContain('install dccp /bin/true');
});
