/** Changes archives in the format of tar (pax(1), ustar), so that most of them can still be read. */
import type { Random } from '../simulation/random.ts';
import { mutateBytes } from './mutate.ts';

const blockBytes = 512;
const checksum = { at: 148, bytes: 8 };
interface Field {
  at: number;
  bytes: number;
  /** Each character is a byte. */
  values: readonly [string, ...string[]];
}

const fields: readonly [Field, ...Field[]] = [
  {
    at: 0,
    bytes: 100,
    values: ['../x', '/etc/x', 'app/untracked/.git/config', 'app/untracked/../../x', 'a\\b'],
  },
  {
    at: 0,
    bytes: 100,
    values: ['app/untracked/a', 'app/staged.patch', 'summary.json', '', 'app/untracked/\xe2\x80\x8d.git'],
  },
  { at: 100, bytes: 8, values: ['0007777\0', '0000000\0', '-1', '\x80\xff\xff\xff'] },
  {
    at: 124,
    bytes: 12,
    values: ['00000000000\0', '77777777777\0', '-1', '\xff\xff\xff\xff\xff\xff\xff\xff'],
  },
  { at: 156, bytes: 1, values: ['0', '1', '2', '3', '5', '7', 'x', 'g', 'L', 'K', '\0', 'S'] },
  { at: 157, bytes: 100, values: ['/etc/passwd', '../..', 'app'] },
  { at: 345, bytes: 155, values: ['..', '/', 'app/untracked', '\xff'] },
];

/** A field of a header, or bytes anywhere; the headers fit their checksums again, nine times of ten. */
export function mutateTar(input: Buffer, random: Random): Buffer {
  const output = Buffer.from(random.chance(0.3) ? mutateBytes(input, random) : input);
  for (let turns = random.integer(1, 3); turns > 0; turns--) {
    const starts = listHeaders(output);
    if (starts.length > 0) changeField(output, random.pick(starts as [number, ...number[]]), random);
  }
  if (random.chance(0.9)) for (const start of listHeaders(output)) sumUp(output, start);
  return output;
}

function changeField(archive: Buffer, start: number, random: Random): void {
  const { at, bytes, values } = random.pick(fields);
  const field = archive.subarray(start + at, start + at + bytes);
  const value: Buffer = random.chance(0.7)
    ? Buffer.from(random.pick(values), 'latin1')
    : mutateBytes(Buffer.from(field), random);
  field.fill(0);
  value.copy(field);
}

/** Where headers are, as their sizes say it. */
function listHeaders(archive: Buffer): number[] {
  const starts: number[] = [];
  for (let start = 0; start + blockBytes <= archive.length; ) {
    if (archive[start] !== 0) starts.push(start);
    const bytes = Number.parseInt(archive.toString('latin1', start + 124, start + 136), 8);
    start += blockBytes * (1 + (bytes > 0 ? Math.ceil(bytes / blockBytes) : 0));
  }
  return starts;
}

function sumUp(archive: Buffer, start: number): void {
  archive.fill(' ', start + checksum.at, start + checksum.at + checksum.bytes);
  const sum = archive.subarray(start, start + blockBytes).reduce((all, byte) => all + byte, 0);
  archive.write(`${sum.toString(8).padStart(6, '0')}\0`, start + checksum.at, 'latin1');
}
