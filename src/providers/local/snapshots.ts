import type Dockerode from 'dockerode';
import type { CallOptions, SnapshotInfo, SnapshotStore } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { escapeText } from '../../lib/escape.ts';
import type { Engine } from './engine.ts';
import { engineMessage, statusOf } from './engine-errors.ts';
import { imagePath } from './image-lookup.ts';
import {
  filterOf,
  type Kind,
  label,
  labelInstance,
  labelKey,
  labelText,
  localRegion,
  type RawLabels,
} from './labels.ts';
import { getMachine } from './machine-lookup.ts';

/**
 * Snapshots are images committed from a machine. The machine stands still meanwhile; what is in memory or below `/run` is
 * not in them, and each machine that starts from one gets a seed and a machine id of its own.
 */
export function createSnapshotStore(engine: Engine): SnapshotStore {
  return {
    async create(id, name, options) {
      checkName(name);
      return engine.call(
        'snapshots.create',
        options,
        ({ docker }) => commit(docker, id, name, options.expectKey),
        {
          // Asked twice, it makes two.
          repeatable: false,
        },
      );
    },
    async *list(options: CallOptions) {
      yield* await engine.call('snapshots.list', options, ({ docker }) => listSnapshots(docker));
    },
    delete(snapshotId, options) {
      return engine.call('snapshots.delete', options, ({ docker }) => deleteSnapshot(docker, snapshotId));
    },
  };
}

function checkName(name: string): void {
  if (name !== '' && name.length <= 100 && escapeText(name, { singleLine: true }) === name) return;
  throw failure('invalid', 'create', 'a snapshot needs a name of 1 to 100 printable characters');
}

async function commit(docker: Dockerode, id: string, name: string, expectKey: string): Promise<SnapshotInfo> {
  const vm = await getMachine(docker, id);
  if (vm === null) throw failure('not-found', 'create', 'the machine to take a snapshot of is gone');
  if (vm.key !== expectKey) {
    throw failure(
      'protected',
      'create',
      'the machine does not carry the key of the instance to take a snapshot of',
    );
  }
  // The engine adds the machine's own labels, among them its key and the instance's name. Not as `Labels` in the body,
  // which Podman passes over (it only wants to have a body); a change is a line of a Dockerfile, so the name is put in letters and digits.
  const encoded = Buffer.from(name).toString('base64url');
  const answer: unknown = await docker.getContainer(vm.id).commit({
    _query: {
      container: vm.id,
      pause: true,
      changes: [`LABEL ${label.kind}=${'snapshot' satisfies Kind}`, `LABEL ${label.snapshot}=${encoded}`],
    },
    _body: { Labels: {} },
  });
  const imageId = typeof answer === 'object' && answer !== null && 'Id' in answer ? answer.Id : undefined;
  const snapshots = await listSnapshots(docker);
  const made = snapshots.find((snapshot) => typeof imageId === 'string' && idsMatch(snapshot.id, imageId));
  if (made) return made;
  throw failure('protocol', 'create', 'the engine took the snapshot but does not list it');
}

/** Podman leaves out the `sha256:` in some answers. */
function idsMatch(a: string, b: string): boolean {
  return a.replace(/^sha256:/, '') === b.replace(/^sha256:/, '');
}

async function listSnapshots(docker: Dockerode): Promise<SnapshotInfo[]> {
  const found = await docker.listImages({ filters: filterOf('snapshot') });
  return found
    .toSorted((a, b) => b.Created - a.Created)
    .map((info) => ({
      id: info.Id,
      name: nameOf(info.Labels),
      key: labelKey(info.Labels),
      instanceName: labelInstance(info.Labels),
      createdAt: new Date(info.Created * 1_000),
      sizeBytes: info.Size,
      region: localRegion,
      billed: false,
    }));
}

function nameOf(labels: RawLabels): string {
  const encoded = labelText(labels, label.snapshot) ?? '';
  return escapeText(Buffer.from(encoded, 'base64url').toString('utf8'), { singleLine: true }).slice(0, 300);
}

async function deleteSnapshot(docker: Dockerode, snapshotId: string): Promise<void> {
  const image = docker.getImage(imagePath(snapshotId, 'snapshots.delete'));
  try {
    const info = await image.inspect();
    if (labelText(info.Config?.Labels, label.kind) !== 'snapshot') {
      throw failure('protected', 'delete', 'that image is no snapshot of spuff');
    }
    await image.remove();
  } catch (error) {
    if (statusOf(error) === 404) return;
    if (statusOf(error) !== 409) throw error;
    throw failure('conflict', 'delete', `the snapshot is in use: ${engineMessage(error)}`, [
      'destroy the machines and delete the snapshots that were made from it first',
    ]);
  }
}

function failure(
  code: 'invalid' | 'not-found' | 'protected' | 'protocol' | 'conflict',
  method: 'create' | 'delete',
  message: string,
  hints: string[] = [],
): ProviderError {
  return new ProviderError(code, message, {
    provider: 'local',
    op: `snapshots.${method}`,
    retryable: code === 'conflict',
    hints,
  });
}
