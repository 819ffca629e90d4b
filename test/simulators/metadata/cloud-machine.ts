/**
 * The local provider's machine, changed to boot as in a cloud: user data comes from the metadata service, and the firmware
 * says where it is. All of that is laid over the base image before the start.
 */
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import type { ContainerCreateOptions } from 'dockerode';
import type { VmSpec } from '../../../src/domain/provider.ts';
import { systemRuntime } from '../../../src/lib/clock.ts';
import { createEngine } from '../../../src/providers/local/engine.ts';
import { readCapacity } from '../../../src/providers/local/engine-capacity.ts';
import { findImage } from '../../../src/providers/local/image-lookup.ts';
import { containerRequest } from '../../../src/providers/local/machine-request.ts';
import { makeArchive } from '../../../src/providers/local/tar-archive.ts';
import { within } from '../../machine/lab.ts';
import { type Relay, startRelay } from './relay.ts';
import type { CloudMetadata } from './service.ts';

const engine = createEngine({
  runtime: systemRuntime,
  engineSocket: null,
  env: process.env,
  userHome: homedir(),
});

/** Starts the network and the machine on it. It is one of the local provider's from then on, which ends it. */
export function startCloudMachine(
  spec: VmSpec,
  metadata: CloudMetadata,
): Promise<{ id: string; relay: Relay }> {
  return engine.call('create', within(60_000), async ({ docker }) => {
    const [image, capacity] = await Promise.all([
      findImage(docker, spec.image, 'create'),
      readCapacity(docker),
    ]);
    const relay = await startRelay(`${spec.name}-net`, image, metadata);
    try {
      const container = await docker.createContainer(
        joining(relay.name, containerRequest(spec, image, capacity)),
      );
      await container.putArchive(await overlayFor(metadata), { path: '/' });
      await container.start();
      return { id: container.id, relay };
    } catch (error) {
      await relay.stop();
      throw error;
    }
  });
}

/** Its host name, its ports and the settings of its network are those of the container that it joins. */
function joining(container: string, request: ContainerCreateOptions): ContainerCreateOptions {
  const { Hostname: _name, ExposedPorts: _ports, HostConfig, ...rest } = request;
  const { PortBindings: _bindings, Sysctls: _sysctls, ...host } = HostConfig ?? {};
  return { ...rest, HostConfig: { ...host, NetworkMode: `container:${container}` } };
}

const firmwarePath = '/etc/cloud/simulated-firmware';

/** A container's firmware is its host's, so cloud-init does not read it: it is shown another one. */
const cloudInit = `#!/usr/bin/python3
import sys

from cloudinit import dmi
from cloudinit.cmd.main import main

dmi.DMI_SYS_PATH = "${firmwarePath}"
dmi.is_container = lambda: False
sys.exit(main())
`;

function overlayFor({ datasource, settings, firmware }: CloudMetadata): Promise<Buffer> {
  const about = JSON.stringify({ [datasource]: settings });
  // Not one JSON object: the generator that decides whether cloud-init runs looks for the first line as it is here.
  const config = `datasource_list: [ ${datasource} ]\ndatasource: ${about}\n`;
  return makeArchive([
    { path: '/etc/machine-id', content: `${randomBytes(16).toString('hex')}\n`, mode: 0o444 },
    { path: '/usr/bin/cloud-init', content: cloudInit, mode: 0o755 },
    { path: '/etc/cloud/cloud.cfg.d/95-cloud.cfg', content: config, mode: 0o644 },
    // The stage that works once there is a network: the base image masks it, because its seed needs none.
    {
      path: '/etc/systemd/system/cloud-init.service',
      linkTo: '/lib/systemd/system/cloud-init.service',
    },
    ...Object.entries(firmware).map(([name, text]) => ({
      ...{ path: `${firmwarePath}/${name}`, content: `${text}\n`, mode: 0o400 },
    })),
  ]);
}
