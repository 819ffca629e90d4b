import type { Size } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { EngineCapacity } from './engine-capacity.ts';
import { localRegion } from './labels.ts';

/** The size that sets no limits. */
export const unlimitedSize = 'host';

/** What a machine may take of the computer; null: as much as it likes. */
export interface SizeLimits {
  cpus: number;
  memoryMiB: number;
}

/** The part of the engine that sizes are about. */
type Room = Pick<EngineCapacity, 'cpus' | 'memoryMiB' | 'arch'>;

const sizePattern = /^([1-9]\d{0,2})cpu-([1-9]\d{0,3})gb$/;

/** The steps that the catalogue shows; any other `NcpuMgb` that fits can be asked for as well. */
const steps: readonly SizeLimits[] = [
  { cpus: 1, memoryMiB: 1_024 },
  { cpus: 1, memoryMiB: 2_048 },
  { cpus: 2, memoryMiB: 4_096 },
  { cpus: 4, memoryMiB: 8_192 },
  { cpus: 8, memoryMiB: 16_384 },
  { cpus: 16, memoryMiB: 32_768 },
  { cpus: 32, memoryMiB: 65_536 },
  { cpus: 64, memoryMiB: 131_072 },
];

/**
 * Reads `2cpu-4gb` or `host`.
 * @returns null for `host`
 * @throws ProviderError `invalid`
 */
export function readSize(size: string, op: string): SizeLimits | null {
  if (size === unlimitedSize) return null;
  const [, cpus, gigabytes] = sizePattern.exec(size) ?? [];
  if (cpus !== undefined && gigabytes !== undefined) {
    return { cpus: Number(cpus), memoryMiB: Number(gigabytes) * 1_024 };
  }
  throw new ProviderError('invalid', `${JSON.stringify(size)} is not a size`, {
    provider: 'local',
    op,
    retryable: false,
    field: 'size',
    hints: [`write the processors and the memory, such as 2cpu-4gb, or ${unlimitedSize} for no limit`],
  });
}

/** @throws ProviderError `capacity` when the engine's computer is smaller than that */
export function checkFits(size: string, capacity: Room, op: string): void {
  const limits = readSize(size, op);
  if (limits === null || fits(limits, capacity)) return;
  const largest = listSizes(capacity).at(-2)?.id ?? unlimitedSize;
  throw new ProviderError('capacity', `${size} is more than this computer has`, {
    provider: 'local',
    op,
    retryable: false,
    field: 'size',
    hints: [
      `the engine has ${capacity.cpus} processors and ${Math.floor(capacity.memoryMiB / 1_024)} GB of memory`,
      `take a smaller one: --size ${largest}`,
    ],
  });
}

function fits(limits: SizeLimits, capacity: Room): boolean {
  return limits.cpus <= capacity.cpus && limits.memoryMiB <= capacity.memoryMiB;
}

/** The catalogue's sizes, smallest first, `host` last. */
export function listSizes(capacity: Room): Size[] {
  const limited = steps
    .filter((step) => fits(step, capacity))
    .map((step) => ({ id: formatSize(step), ...step }));
  return [...limited, { id: unlimitedSize, cpus: capacity.cpus, memoryMiB: capacity.memoryMiB }].map(
    (size) => ({
      id: size.id,
      vcpus: size.cpus,
      memoryMiB: size.memoryMiB,
      diskGiB: null,
      arch: capacity.arch,
      gpu: false,
      hourly: null,
      regions: [{ id: localRegion, available: true, deprecatedAfter: null }],
    }),
  );
}

function formatSize({ cpus, memoryMiB }: SizeLimits): string {
  return `${cpus}cpu-${memoryMiB / 1_024}gb`;
}
