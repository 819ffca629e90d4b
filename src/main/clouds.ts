/** What the providers of clouds have in common: where their tokens come from, where their APIs are, and a kept catalogue. */
import { join } from 'node:path';
import type { AppContext } from '../app/context.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Provider, Runtime } from '../domain/provider.ts';
import type { Secret } from '../domain/secret.ts';
import type { Settings } from '../domain/settings.ts';
import { checkApiAddress } from '../lib/https.ts';
import { homePaths } from '../state/home.ts';

export interface CloudEntry {
  id: string;
  /** Variables that may hold the token, in the order of preference. */
  variables: readonly string[];
  /** Where a person makes one. */
  makeItAt: string;
  url: string;
  /** Names another address: a simulator on this computer, a gateway of the company's. */
  urlVariable: string;
}

export interface CloudDeps {
  runtime: Runtime;
  token: (signal: AbortSignal) => Promise<Secret>;
  baseUrl: URL;
}

/** Builds the provider of a cloud that is asked with a bearer token. */
export async function openCloud(
  context: AppContext,
  entry: CloudEntry,
  create: (deps: CloudDeps) => Provider,
): Promise<Provider> {
  const baseUrl = checkApiAddress(process.env[entry.urlVariable] || entry.url);
  return keepCatalog(
    context,
    create({ runtime: context.runtime, baseUrl, token: tokenOf(context, entry) }),
    baseUrl.href,
  );
}

/**
 * The token is asked for at the first request, so that commands that make none need none, and once in the life of the process:
 * a password manager that asks its user would else ask at each request. It is on no disk.
 */
function tokenOf(context: AppContext, entry: CloudEntry): CloudDeps['token'] {
  let asked: Promise<Secret> | undefined;
  return (signal) => {
    asked ??= (async () => {
      const { readCloudToken } = await import('../lib/cloud-token.ts');
      const { id: provider, variables, makeItAt } = entry;
      const command = (await settingsOrNull(context))?.tokenCommand ?? null;
      return readCloudToken({ provider, variables, makeItAt, command, env: process.env }, signal);
    })();
    // What failed once, because Ctrl-C came or a password was wrong, may work the next time.
    asked.catch(() => (asked = undefined));
    return asked;
  };
}

/** null where they can't be read: a typo in them must not keep anybody from destroying a machine. */
export async function settingsOrNull(context: AppContext): Promise<Settings | null> {
  try {
    return await context.settings();
  } catch (error) {
    if (error instanceof SpuffError && error.code === 'config') return null;
    throw error;
  }
}

export async function keepCatalog(
  context: AppContext,
  provider: Provider,
  source: string,
  lifetimeMs?: number,
): Promise<Provider> {
  const { cacheCatalog } = await import('../state/catalog-cache.ts');
  const path = join(homePaths(context.home).cache, `catalog-${provider.id}.json`);
  return cacheCatalog(provider, {
    ...{ path, source, now: context.runtime.now },
    ...(lifetimeMs !== undefined && { lifetimeMs }),
  });
}
