import type { AppContext } from '../app/context.ts';
import { currentDirectory } from './current-directory.ts';
import { once, onceEach } from './once.ts';

export function composeProject(): Pick<AppContext, 'project' | 'projectFiles'> {
  const projectFiles = once(async () => {
    const { openProjectFiles } = await import('../state/project-files.ts');
    return openProjectFiles();
  });
  const readAt = onceEach(async (path) => (await projectFiles()).read(path));
  return {
    projectFiles,
    project: async (directory = currentDirectory()) => {
      const files = await projectFiles();
      const path = files.find(directory);
      return path === null ? files.readContainer(directory) : readAt(path);
    },
  };
}
