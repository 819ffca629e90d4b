import { SpuffError } from './errors.ts';

/**
 * Names go into host names, labels, file names and shell prompts, so they are held to what all of those accept:
 * RFC 1123 labels, cut to 40 characters.
 */
const instanceNamePattern = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** The names that useradd accepts without `--badname`, and that no system account of Debian or Ubuntu bears. */
const userNamePattern = /^[a-z_][a-z0-9_-]{0,30}$/;
const reservedUsers = new Set(
  (
    'root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody _apt sshd ' +
    'messagebus polkitd syslog systemd-network systemd-resolve systemd-timesync spuff-agent admin sudo adm ' +
    // Groups: useradd makes one of the user's name, and stops where it exists.
    'tty disk kmem dialout fax voice cdrom floppy tape audio dip operator src shadow utmp video sasl plugdev staff ' +
    'users nogroup crontab docker kvm render input sgx netdev lxd ssl-cert _ssh systemd-journal'
  ).split(' '),
);

export function isInstanceName(text: string): boolean {
  return instanceNamePattern.test(text);
}

/** @throws SpuffError `usage` when `text` can't be the name of an instance. */
export function checkInstanceName(text: string): string {
  if (isInstanceName(text)) return text;
  throw new SpuffError('usage', `${JSON.stringify(text)} is not a usable instance name`, {
    hints: [
      'use 1 to 40 lower-case letters, digits and hyphens, with a letter or digit at both ends: spuff up demo',
    ],
  });
}

/** @throws SpuffError `config` when `text` can't be the login user of a machine. */
export function checkUserName(text: string): string {
  if (userNamePattern.test(text) && !reservedUsers.has(text)) return text;
  throw new SpuffError('config', `${JSON.stringify(text)} is not a usable user name`, {
    hints: [
      'use lower-case letters, digits, _ and -, beginning with a letter, and no system account: spuff config set user dev',
    ],
  });
}

/** Turns any text, such as the name of a folder, into the nearest instance name; null when nothing is left of it. */
export function nearestInstanceName(text: string): string | null {
  const name = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return isInstanceName(name) ? name : null;
}
