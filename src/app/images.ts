import { SpuffError } from '../domain/errors.ts';
import type { Image, ImageStore } from '../domain/provider.ts';
import { escapeText } from '../lib/escape.ts';
import { type AppContext, callOptions } from './context.ts';

/** Building downloads some hundred packages. */
const buildTimeoutMs = 30 * 60_000;

/**
 * Builds the base image of the configured provider, unless it is there already.
 * @throws SpuffError `unsupported` for a provider whose machines start from images of its own
 */
export async function buildImage(
  context: AppContext,
  options: { force: boolean },
): Promise<{ image: Image; cached: boolean }> {
  const images = await imagesOf(context);
  const step = context.progress.start('base image');
  try {
    const result = await images.build({
      ...callOptions(context, buildTimeoutMs),
      force: options.force,
      onLine: (line) => step.update(line),
    });
    step.done(result.cached ? 'it was there already' : escapeText(result.image.name, { singleLine: true }));
    return result;
  } catch (error) {
    step.fail();
    throw error;
  }
}

export async function listImages(context: AppContext): Promise<Image[]> {
  return (await imagesOf(context)).list(callOptions(context, 60_000));
}

/** @throws SpuffError `not-found` when there is no such image */
export async function removeImage(context: AppContext, nameOrId: string): Promise<Image> {
  const images = await imagesOf(context);
  const all = await images.list(callOptions(context, 60_000));
  const image = all.find((one) => one.name === nameOrId || idOf(one) === nameOrId);
  if (!image) {
    throw new SpuffError('not-found', `there is no image ${JSON.stringify(nameOrId)}`, {
      hints: ['see what there is: spuff image list'],
    });
  }
  await images.remove(idOf(image), callOptions(context, 5 * 60_000));
  return image;
}

function idOf({ ref }: Image): string {
  return ref.kind === 'id' ? ref.id : ref.slug;
}

async function imagesOf(context: AppContext): Promise<ImageStore> {
  const settings = await context.settings();
  const provider = await context.provider(settings.provider);
  if (provider.images) return provider.images;
  throw new SpuffError('unsupported', `${provider.id} machines start from the provider's own images`);
}
