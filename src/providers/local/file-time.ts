import type Dockerode from 'dockerode';
import { statusOf } from './engine-errors.ts';

/**
 * When a file on a machine was last changed, whether the machine runs or not; null: there is no such file. An engine tells
 * a file's time in 2 ms, where its content takes 100 (Docker 20.10): so what is asked for in every list stands in the time.
 * @see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerArchiveInfo
 */
export async function readFileTime(docker: Dockerode, id: string, path: string): Promise<Date | null> {
  try {
    const answer = (await docker.getContainer(id).infoArchive({ path })) as {
      headers?: Readonly<Record<string, unknown>>;
      resume?: () => void;
    };
    answer.resume?.();
    return timeIn(answer.headers?.['x-docker-container-path-stat']);
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** What the engine says is JSON in base64; whatever else comes is no time. */
function timeIn(header: unknown): Date | null {
  try {
    const stat: unknown = JSON.parse(Buffer.from(String(header), 'base64').toString('utf8'));
    const { mtime } = stat as { mtime?: unknown };
    const date = new Date(typeof mtime === 'string' ? mtime : Number.NaN);
    return Number.isNaN(date.getTime()) ? null : date;
  } catch {
    return null;
  }
}
