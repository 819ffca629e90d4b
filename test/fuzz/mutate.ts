/** Makes inputs that are almost right out of inputs that are right. */
import type { Random } from '../simulation/random.ts';

export type Mutate = (input: Buffer, random: Random) => Buffer;

/** Most inputs stay small, as most readers take as long as their input is; one in a thousand shows what a large one does. */
const sizes = { usualMoreBytes: 512, largeMoreBytes: 32_768, large: 0.001 };

/** What parsers trip over: ends of ranges, names of prototypes, brackets, controls, bytes that are no UTF-8. */
const pieces = [
  ...['__proto__', 'constructor', 'null', 'true', '-1', '1e999', '99999999999999999999', 'NaN', '0x10', ''],
  ...['{', '}', '[', ']', '"', "'", ':', ': ', ',', '#', '&a', '*a', '<<: *a', '!!binary ', '---\n', '...\n'],
  ...[
    '\n',
    '\r\n',
    '\t',
    '  ',
    '\0',
    '\u001b[2J',
    '\u202e',
    '\ufeff',
    '\u2028',
    '$',
    '${',
    '}',
    ':-',
    '$$',
    '%',
    '\\',
  ],
  ...['<', '>', '</', '<!DOCTYPE a>', '<![CDATA[', '&#x110000;', '&lt;', '../', '@', '=', '==', '-', '..'],
].map((text) => Buffer.from(text));
const bytes = [
  Buffer.from([0xff]),
  Buffer.from([0xc0, 0x80]),
  Buffer.from([0, 0, 0, 0]),
  Buffer.from([255, 255, 255, 255]),
];
const dictionary = [...pieces, ...bytes] as [Buffer, ...Buffer[]];

/** Some changes one after the other: bits, bytes, pieces put in, taken out, doubled and moved. */
export function mutateBytes(input: Buffer, random: Random): Buffer {
  let output = input;
  for (let turns = random.integer(1, 4); turns > 0; turns--) output = changeOnce(output, random);
  if (!random.chance(sizes.large)) return output.subarray(0, input.length + sizes.usualMoreBytes);
  return enlarge(output, random).subarray(0, input.length + sizes.largeMoreBytes);
}

/** With a piece of itself, or one that parsers trip over, so often that it is large. */
function enlarge(input: Buffer, random: Random): Buffer {
  const at = random.integer(0, input.length);
  const own = input.subarray(at, at + random.integer(1, 40));
  const piece = own.length === 0 || random.chance(0.5) ? random.pick(dictionary) : own;
  const more = repeat(piece, Math.ceil(sizes.largeMoreBytes / Math.max(1, piece.length)));
  return Buffer.concat([input.subarray(0, at), more, input.subarray(at)]);
}

function changeOnce(input: Buffer, random: Random): Buffer {
  const at = random.integer(0, input.length);
  const end = Math.min(input.length, at + random.integer(1, random.chance(0.2) ? 200 : 8));
  const put = (middle: Buffer, from = at, to = end) =>
    Buffer.concat([input.subarray(0, from), middle, input.subarray(to)]);
  switch (random.integer(0, 6)) {
    case 0: {
      const output = Buffer.from(input);
      if (at < output.length) output[at] = (output[at] ?? 0) ^ (1 << random.integer(0, 7));
      return output;
    }
    case 1: {
      const output = Buffer.from(input);
      if (at < output.length) output[at] = random.integer(0, 255);
      return output;
    }
    case 2:
      return put(random.pick(dictionary), at, at);
    case 3:
      return put(random.pick(dictionary));
    case 4:
      return put(Buffer.alloc(0));
    case 5:
      return put(repeat(input.subarray(at, end), random.integer(2, 40)));
    default:
      return put(input.subarray(at, end), random.integer(0, at), at);
  }
}

function repeat(piece: Buffer, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => piece));
}

const strangers: readonly [unknown, ...unknown[]] = [
  null,
  ...[true, false, 0, -1, 1.5, 2 ** 53, 1e308, '', ' ', '0', 'null', '1e999', 'x'.repeat(2_000)],
  ...['\u001b[31m', '\0', '\ud800', '2026-13-45T99:99:99Z', '::::', '-oProxyCommand=x', '../../etc/passwd'],
  ...[[], {}, [[]], [null], { length: -1 }, JSON.parse('{"__proto__":{"a":1}}')],
];

/** The value with one or a few of its parts replaced, taken out, doubled, or put where another was. */
export function mutateValue(value: unknown, random: Random): unknown {
  let output = structuredClone(value);
  for (let turns = random.integer(1, 3); turns > 0; turns--) output = changePart(output, random);
  return output;
}

function changePart(value: unknown, random: Random): unknown {
  const isBranch = typeof value === 'object' && value !== null;
  const keys = isBranch ? Object.keys(value) : [];
  if (keys.length === 0 || random.chance(0.08)) return changeLeaf(value, random);
  const parts = value as Record<string, unknown>;
  const key = random.pick(keys as [string, ...string[]]);
  if (random.chance(0.75)) parts[key] = changePart(parts[key], random);
  else if (Array.isArray(value)) value.splice(Number(key), random.integer(0, 1), structuredClone(parts[key]));
  else if (random.chance(0.5)) delete parts[key];
  else parts[random.pick(keys as [string, ...string[]])] = structuredClone(parts[key]);
  return value;
}

function changeLeaf(value: unknown, random: Random): unknown {
  if (typeof value === 'string' && random.chance(0.5))
    return mutateBytes(Buffer.from(value), random).toString('utf8');
  if (typeof value === 'number' && random.chance(0.5)) return value * random.pick([-1, 0.5, 1e9, 1e300]);
  return structuredClone(random.pick(strangers));
}

/** JSON that is JSON still, two times of three. */
export function mutateJson(input: Buffer, random: Random): Buffer {
  if (random.chance(0.33)) return mutateBytes(input, random);
  return Buffer.from(JSON.stringify(mutateValue(JSON.parse(input.toString('utf8')), random)) ?? 'null');
}
