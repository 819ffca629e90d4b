import { pinnedRuntimes } from '../bootstrap/agent-runtime.ts';
import type { ExtraFile } from '../providers/local/image-store.ts';
import { localArch, locateRuntime, type PackageFolders, runtimePathOnMachine } from './agent-package.ts';

/** What the base image of the local provider carries beyond Debian: the agent's runtime. */
export function baseImageFiles(folders: PackageFolders): readonly ExtraFile[] {
  const arch = localArch();
  const { sha256 } = pinnedRuntimes[arch];
  return [
    {
      targetPath: runtimePathOnMachine(sha256),
      mode: 0o755,
      sha256,
      locate: () => locateRuntime(arch, folders),
    },
  ];
}
