/**
 * The version of the one package that holds both the CLI and the agent. A test holds it to package.json, so that
 * neither bundle has to carry or read that file.
 */
export const spuffVersion = '0.1.0';

/**
 * Counts the changes of the protocol that an older peer would misunderstand: a route or field removed, or one whose
 * meaning changed. New optional fields and new routes don't count.
 */
export const protocolVersion = 1;

export type VersionMatch = 'same' | 'other-version' | 'other-protocol';

/**
 * Compares what `GET /health` answered with what this package was built with. `other-version` still works;
 * `other-protocol` does not, and needs `spuff agent upgrade`.
 */
export function compareVersions(agent: { version: string; protocol: number }): VersionMatch {
  if (agent.protocol !== protocolVersion) return 'other-protocol';
  return agent.version === spuffVersion ? 'same' : 'other-version';
}
