import { readText } from '../read-file.ts';

export interface Account {
  name: string;
  userId: number;
  groupId: number;
  home: string;
  shell: string;
}

/** A line of /etc/passwd; null: there is no such user. @see passwd(5) */
export function findAccount(passwdPath: string, name: string): Account | null {
  for (const line of (readText(passwdPath) ?? '').split('\n')) {
    const [user, , userId, groupId, , home, shell] = line.split(':');
    if (user === name && home && shell !== undefined)
      return { name, userId: Number(userId), groupId: Number(groupId), home, shell: shell || '/bin/sh' };
  }
  return null;
}

/** The number of a group; null: there is none. @see group(5) */
export function findGroupId(groupPath: string, name: string): number | null {
  for (const line of (readText(groupPath) ?? '').split('\n')) {
    const [group, , id] = line.split(':');
    if (group === name && id) return Number(id);
  }
  return null;
}
