/** Readers of the text files under /proc, as `man 5 proc` describes them. All pure: they take the file's content. */

/** The kernel counts CPU time in these; USER_HZ is 100 on every architecture that spuff runs on. */
export const ticksPerSecond = 100;

/** The kernel's pages on x86-64 and on the arm64 kernels of the clouds. */
const pageBytes = 4_096;

export interface CpuTimes {
  cores: number;
  totalTicks: number;
  idleTicks: number;
  stolenTicks: number;
  /** Seconds since the epoch. */
  bootedAtSeconds: number | null;
}

export function parseStat(text: string): CpuTimes {
  const fields = (/^cpu\s+(.*)$/m.exec(text)?.[1] ?? '').split(/\s+/).map(Number);
  // user nice system idle iowait irq softirq steal; guest time is part of user.
  const counted = fields.slice(0, 8);
  const booted = /^btime (\d+)$/m.exec(text)?.[1];
  return {
    cores: Math.max(1, (text.match(/^cpu\d+ /gm) ?? []).length),
    totalTicks: counted.reduce((sum, value) => sum + value, 0),
    idleTicks: (fields[3] ?? 0) + (fields[4] ?? 0),
    stolenTicks: fields[7] ?? 0,
    bootedAtSeconds: booted === undefined ? null : Number(booted),
  };
}

export interface Load {
  one: number;
  five: number;
  fifteen: number;
}

export function parseLoad(text: string): Load {
  const [one = 0, five = 0, fifteen = 0] = text.split(' ').map(Number);
  return { one, five, fifteen };
}

export interface Memory {
  totalBytes: number;
  availableBytes: number;
  swapTotalBytes: number;
  swapFreeBytes: number;
}

export function parseMemory(text: string): Memory {
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1_024;
  return {
    totalBytes: bytes('MemTotal'),
    availableBytes: bytes('MemAvailable'),
    swapTotalBytes: bytes('SwapTotal'),
    swapFreeBytes: bytes('SwapFree'),
  };
}

export interface NetworkCounters {
  name: string;
  receivedBytes: number;
  sentBytes: number;
  receiveErrors: number;
  sendErrors: number;
}

/** /proc/net/dev without the loopback. */
export function parseNetwork(text: string): NetworkCounters[] {
  const counters: NetworkCounters[] = [];
  for (const line of text.split('\n').slice(2)) {
    const [name, rest] = line.split(/:\s*/, 2);
    if (name === undefined || rest === undefined || name.trim() === 'lo') continue;
    const values = rest.trim().split(/\s+/).map(Number);
    counters.push({
      name: name.trim(),
      receivedBytes: values[0] ?? 0,
      receiveErrors: values[2] ?? 0,
      sentBytes: values[8] ?? 0,
      sendErrors: values[10] ?? 0,
    });
  }
  return counters;
}

export interface Mount {
  mount: string;
  device: string;
  type: string;
  /** `major:minor`, the same for every mount of one file system. */
  deviceId: string;
}

/** /proc/PID/mountinfo; spaces and the like in paths are octal escapes there. */
export function parseMounts(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [left = '', right = ''] = line.split(' - ', 2);
    const [, , deviceId, , mount] = left.split(' ');
    const [type, device] = right.split(' ');
    if (deviceId && mount && type && device) {
      mounts.push({ mount: unescapeOctal(mount), device: unescapeOctal(device), type, deviceId });
    }
  }
  return mounts;
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

export interface ProcessStat {
  pid: number;
  name: string;
  state: string;
  parentPid: number;
  session: number;
  /** The kernel's number of the controlling terminal; 0: none. */
  terminal: number;
  /** Its own. */
  cpuTicks: number;
  /** Of children that have ended and were waited for, and of theirs. */
  childTicks: number;
  /** Since boot. */
  startedAtTicks: number;
  residentBytes: number;
}

/** /proc/PID/stat. The name stands in parentheses and may hold parentheses and spaces itself. */
export function parseProcessStat(text: string): ProcessStat | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return null;
  const fields = text.slice(close + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3] ?? 0);
  return {
    pid: Number.parseInt(text, 10),
    name: text.slice(open + 1, close),
    state: fields[0] ?? '?',
    parentPid: field(4),
    session: field(6),
    terminal: field(7),
    cpuTicks: field(14) + field(15),
    childTicks: field(16) + field(17),
    startedAtTicks: field(22),
    residentBytes: field(24) * pageBytes,
  };
}

/**
 * The path under /dev/pts for a terminal number of /proc/PID/stat, or null for consoles and serial lines.
 * @see Documentation/admin-guide/devices.txt: majors 136 to 143 are pseudo-terminals
 */
export function pseudoTerminal(terminal: number): string | null {
  const major = (terminal >> 8) & 0xfff;
  const minor = (terminal & 0xff) | ((terminal >> 12) & 0xfff00);
  return major >= 136 && major <= 143 ? `pts/${(major - 136) * 256 + minor}` : null;
}

/** /etc/passwd as names by user id. */
export function parseUsers(text: string): Map<number, string> {
  const users = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    if (name && id && !users.has(Number(id))) users.set(Number(id), name);
  }
  return users;
}
