/** Chance that can be had again: the same seed gives the same numbers. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  chance(probability: number): boolean;
  between(least: number, most: number): number;
  integer(least: number, most: number): number;
  pick<T>(choices: readonly [T, ...T[]]): T;
}

/** @param seed any text; the generator is sfc32 over a hash of it */
export function createRandom(seed: string): Random {
  let [a, b, c, d] = [hash(seed, 1), hash(seed, 2), hash(seed, 3), 1];
  const next = () => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4_294_967_296;
  };
  for (let turn = 0; turn < 12; turn++) next();
  const between = (least: number, most: number) => least + (most - least) * next();
  return {
    next,
    chance: (probability) => next() < probability,
    between,
    integer: (least, most) => Math.floor(between(least, most + 1)),
    pick: (choices) => choices[Math.floor(next() * choices.length)] ?? choices[0],
  };
}

/** FNV-1a, begun differently for each part of the state. */
function hash(text: string, part: number): number {
  let value = 0x811c9dc5 ^ part;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return value | 0;
}
