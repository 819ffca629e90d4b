/** Values that ssh takes as they are meant, or that are refused. */
import { SpuffError } from '../domain/errors.ts';

/**
 * A path as the value of an option: quoted, because ssh splits at spaces, and without its `%` tokens.
 * @throws SpuffError `config` for what no quoting keeps ssh from reading as something else
 */
export function optionPath(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
  if (/[\u0000-\u001f\u007f]|\$\{/.test(path)) {
    throw new SpuffError('config', `ssh can't be given the path ${JSON.stringify(path)}`, {
      hints: ['use a path without control characters and without "${"'],
    });
  }
  return `"${path.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%')}"`;
}

export function checkHost(host: string): string {
  if (/^[0-9A-Za-z:][0-9A-Za-z.:_-]{0,254}(?:%[0-9A-Za-z._-]{1,32})?$/.test(host)) return host;
  throw new SpuffError('provider', `${JSON.stringify(host)} is not an address that ssh can dial`);
}

export function checkPort(port: number): number {
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new SpuffError('provider', `${port} is not a port`);
}

export function checkUser(user: string): string {
  if (/^[a-z_][a-z0-9_-]{0,30}$/.test(user)) return user;
  throw new SpuffError('config', `${JSON.stringify(user)} is not a usable user name`, {
    hints: ['set another one: spuff config set user dev'],
  });
}
