import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Image, ImageStore } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { toFileError } from '../../lib/atomic-file.ts';
import { withProcessLock } from '../../lib/process-lock.ts';
import type { Engine, EngineCall } from './engine.ts';
import { engineMessage, statusOf } from './engine-errors.ts';
import { buildRootFileSystem } from './image-build.ts';
import { archOf, type BaseImage, listBaseImages } from './image-lookup.ts';
import { aptOptions, baseSlug, dpkgOptions, overlay, packages, removedFiles, suite } from './image-recipe.ts';
import { label } from './labels.ts';
import type { ArchiveEntry } from './tar-archive.ts';

/** A file that the base image carries besides its packages, such as the agent's runtime. */
export interface ExtraFile {
  /** Absolute, on the machine. */
  targetPath: string;
  mode: number;
  /** Of the content, in hex: with path and mode it decides whether an image is up to date. */
  sha256: string;
  /** Gives the path of the file on this computer; asked when an image is built, so it may fetch it. */
  locate: () => Promise<string>;
}

export interface ImageStoreDeps {
  engine: Engine;
  home: string;
  extraFiles: readonly ExtraFile[];
}

/** Repository of the base images; machines find them by label, people by this. */
export const baseRepository = 'spuff-base';

export function createImageStore(deps: ImageStoreDeps): ImageStore {
  const { engine } = deps;
  return {
    async build(options) {
      const recipe = recipeDigest(deps.extraFiles);
      const findCurrent = async ({
        docker,
      }: EngineCall): Promise<{ image: Image; cached: boolean } | null> => {
        const found = (await listBaseImages(docker)).find((image) => image.recipe === recipe);
        return found && !options.force ? { image: found.image, cached: true } : null;
      };
      const current = await engine.call('images.build', options, findCurrent);
      if (current) return current;
      const extras = await locateExtras(deps.extraFiles);
      const onWait = () => options.onLine?.('waiting for another spuff, which builds it');
      return engine.call('images.build', options, (call) =>
        // Several machines may be ordered on a fresh computer: one builds, the others find what it has built.
        withProcessLock(
          join(deps.home, 'run', 'image-build.lock'),
          call.signal,
          async () => (await findCurrent(call)) ?? buildAnew(deps, call, { options, recipe, extras }),
          onWait,
        ),
      );
    },
    list(options) {
      return engine.call('images.list', options, async ({ docker }) =>
        (await listBaseImages(docker)).map(({ image }) => image),
      );
    },
    remove(ref, options) {
      return engine.call('images.remove', options, (call) => removeImage(call, ref));
    },
  };
}

/** Says which recipe an image was made by: all of its data, and the content of the extra files. */
export function recipeDigest(extraFiles: readonly ExtraFile[]): string {
  const extras = extraFiles.map(({ targetPath, mode, sha256 }) => ({ targetPath, mode, sha256 }));
  const recipe = { suite, packages, aptOptions, dpkgOptions, removedFiles, overlay, extras };
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
}

async function locateExtras(extraFiles: readonly ExtraFile[]): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  for (const { locate, targetPath, mode } of extraFiles) {
    const sourcePath = await locate();
    try {
      entries.push({ sourcePath, path: targetPath, mode, bytes: (await stat(sourcePath)).size });
    } catch (error) {
      throw toFileError(error, `read ${sourcePath}`);
    }
  }
  return entries;
}

interface BuildOrder {
  options: Parameters<ImageStore['build']>[0];
  recipe: string;
  extras: readonly ArchiveEntry[];
}

async function buildAnew(
  deps: ImageStoreDeps,
  call: EngineCall,
  order: BuildOrder,
): Promise<{ image: Image; cached: boolean }> {
  const built = await buildAndImport(deps, call, order);
  await removeReplaced(call, built);
  return { image: built.image, cached: false };
}

async function buildAndImport(
  deps: ImageStoreDeps,
  { docker, signal, settle }: EngineCall,
  { options, recipe, extras }: BuildOrder,
): Promise<BaseImage> {
  const labels = {
    [label.kind]: 'base',
    [label.slug]: baseSlug,
    [label.recipe]: recipe,
    [label.arch]: archOf(process.arch),
  };
  const onLine = options.onLine ?? (() => undefined);
  const build = { home: deps.home, overlay: [...overlay, ...extras], signal, onLine };
  // With the usual client: what the builder prints goes nowhere when the call is over. The builder's own end is waited for.
  const takeArchive = async (archive: Readable) => {
    onLine('giving the image to the engine');
    const answer = await docker.importImage(archive, {
      repo: baseRepository,
      tag: baseSlug,
      changes: Object.entries(labels).map(([name, value]) => `LABEL ${name}=${value}`),
    });
    return readImport(answer);
  };
  const id = await settle(() => buildRootFileSystem(build, takeArchive));
  const image = (await listBaseImages(docker)).find((candidate) => candidate.id === id);
  if (image) return image;
  throw new ProviderError('protocol', 'the engine took the base image but does not list it', {
    provider: 'local',
    op: 'images.build',
    retryable: true,
  });
}

/** Reads the engine's progress messages (JSON, one a line) to the end: the last status is the image's id. */
async function readImport(answer: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of answer) text += chunk.toString();
  let id = '';
  for (const line of text.split('\n').filter((candidate) => candidate.trim() !== '')) {
    const message: unknown = JSON.parse(line);
    if (typeof message !== 'object' || message === null) continue;
    if ('error' in message) throw Object.assign(new Error(String(message.error)), { statusCode: 500 });
    if ('status' in message && typeof message.status === 'string') id = message.status;
  }
  return id.trim();
}

/**
 * What a rebuilt image replaces goes, unless a machine or snapshot still stands on it. Only what is older: someone with
 * another home may have built one meanwhile, and the two must not remove each other's.
 */
async function removeReplaced({ docker }: EngineCall, built: BaseImage): Promise<void> {
  const before = (await listBaseImages(docker)).filter(
    ({ id, image }) => id !== built.id && isOlder(image, built.image),
  );
  for (const { id } of before) {
    try {
      await docker.getImage(id).remove();
    } catch (error) {
      if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
    }
  }
}

function isOlder(image: Image, than: Image): boolean {
  return (image.createdAt?.getTime() ?? 0) < (than.createdAt?.getTime() ?? 0);
}

async function removeImage({ docker }: EngineCall, ref: string): Promise<void> {
  const found = (await listBaseImages(docker)).filter((image) => image.slug === ref || image.id === ref);
  if (found.length === 0) {
    throw new ProviderError('not-found', `there is no base image ${JSON.stringify(ref)}`, {
      provider: 'local',
      op: 'images.remove',
      retryable: false,
      hints: ['see which there are: spuff image list'],
    });
  }
  for (const { id, slug } of found) {
    try {
      await docker.getImage(id).remove();
    } catch (error) {
      if (statusOf(error) === 404) continue;
      if (statusOf(error) !== 409) throw error;
      throw new ProviderError('conflict', `the base image ${slug} is in use: ${engineMessage(error)}`, {
        provider: 'local',
        op: 'images.remove',
        retryable: true,
        status: 409,
        hints: ['destroy the machines and snapshots that stand on it first: spuff ls, spuff snapshot list'],
        cause: error,
      });
    }
  }
}
