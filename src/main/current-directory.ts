import { SpuffError } from '../domain/errors.ts';

export function currentDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new SpuffError('usage', 'the directory that you are in is gone', {
      hints: ['cd to another one'],
      cause: error,
    });
  }
}
