import type { SetupConfig } from '../../protocol/setup-schema.ts';

/** Debian 12 has Compose as a program of its own, newer ones and Ubuntu as a part of docker. */
export const composeScript = `if docker compose version >/dev/null 2>&1; then exec docker compose "$@"; fi
exec docker-compose "$@"`;

export function composeArguments({ composeFile, profiles }: NonNullable<SetupConfig['services']>): string[] {
  return ['-f', composeFile, ...profiles.flatMap((profile) => ['--profile', profile])];
}
