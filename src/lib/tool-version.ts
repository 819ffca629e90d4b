const version = /(?<![\w.])v?(\d+(?:[.]\d+){1,3}(?:[-+][0-9A-Za-z-]+(?:[.][0-9A-Za-z-]+)*)?)/;

/** The first thing in what a program says that looks like a version; null when nothing does. */
export function readVersion(text: string): string | null {
  return version.exec(text.slice(0, 10_000))?.[1]?.slice(0, 100) ?? null;
}
