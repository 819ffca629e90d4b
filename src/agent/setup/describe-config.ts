import { redactTokens } from '../../lib/token-shapes.ts';
import type { SetupConfig, SetupOrder } from '../../protocol/setup-schema.ts';

/** The order as it may be shown: of the variables their names, and no text with what looks like a credential. */
export function describeConfig(order: SetupOrder): SetupConfig {
  const { project, directory, keepEnv, packages, services, devcontainer } = order;
  const named = ({ name, version }: { name: string; version: string | null }) => ({ name, version });
  const repository = ({ url, path, branch }: SetupOrder['repositories'][number]) => ({
    ...{ url: redactTokens(url), path, branch },
  });
  return {
    ...{ project, directory, keepEnv, packages, services },
    ...(devcontainer && { devcontainer: { path: devcontainer.path } }),
    envNames: Object.keys(order.env),
    bundles: order.bundles.map(named),
    aiTools: order.aiTools.map(named),
    repositories: order.repositories.map(repository),
    dotfiles: order.dotfiles && repository(order.dotfiles),
    setup: order.setup.map(redactTokens),
    postUp: order.postUp.map(redactTokens),
    preDown: order.preDown.map(redactTokens),
  };
}
