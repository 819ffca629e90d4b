import type { VolumeHealth, VolumeMount } from '../../domain/volume.ts';
import type { Paint } from './terminal.ts';
import { formatTable, oneLine } from './text.ts';

type State = VolumeHealth | 'mounted' | 'not-mounted';
type Shown = VolumeMount & { name: string | null };

export function volumeToJson({ name, key, target, mountPoint }: Shown, { state }: { state: State }): object {
  return { instance: name, key, target, mountPoint, state };
}

export function volumeTable(shown: readonly { mount: Shown; state: State }[], paint: Paint): string {
  const rows = shown.map(({ mount, state }) => [
    mount.name ?? mount.key,
    oneLine(mount.target),
    oneLine(mount.mountPoint),
    state,
  ]);
  return formatTable(rows, { header: ['INSTANCE', 'FOLDER', 'HERE', 'STATE'], paint });
}
