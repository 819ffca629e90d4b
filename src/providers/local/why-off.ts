import type Dockerode from 'dockerode';
import type { WhyOff } from '../../domain/provider.ts';
import { readFileTime } from './file-time.ts';
import { getMachine } from './machine-lookup.ts';
import type { ArchiveEntry } from './tar-archive.ts';

const markerPath = '/var/lib/spuff-off-by-itself';
const unit = 'spuff-off-by-itself.service';

/**
 * `docker stop` has systemd halt (`StopSignal`, SIGRTMIN+3), and `poweroff` on the machine has it power off. So a unit of
 * the latter alone leaves a mark for whoever asks later. Root on the machine can forge it, to its own harm only.
 * @see systemd(1), SIGNALS
 */
export const offMarkerFiles: readonly ArchiveEntry[] = [
  {
    path: `/etc/systemd/system/${unit}`,
    content: `[Unit]
Description=Note that this machine switches itself off
DefaultDependencies=no
Before=poweroff.target

[Service]
Type=oneshot
ExecStart=/usr/bin/touch ${markerPath}
`,
    mode: 0o644,
  },
  {
    path: `/etc/systemd/system/poweroff.target.wants/${unit}`,
    linkTo: `/etc/systemd/system/${unit}`,
  },
];

/** Without its mark, a clean end came through the engine; any other (a kill, a computer that went down) tells nothing. */
export async function readWhyOff(docker: Dockerode, id: string): Promise<WhyOff> {
  const vm = await getMachine(docker, id);
  if (vm?.state !== 'stopped') return 'unknown';
  const { State } = await docker.getContainer(vm.id).inspect();
  const markedAt = await readFileTime(docker, vm.id, markerPath);
  // A mark of an earlier run, or of the machine that a snapshot was taken of, is older than this one.
  if (markedAt !== null && markedAt.getTime() >= Date.parse(State.StartedAt)) return 'guest';
  return State.ExitCode === 0 ? 'owner' : 'unknown';
}
