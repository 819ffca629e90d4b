import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { parseLook } from '../../src/app/remote-tree.ts';
import { readKeyChange } from '../../src/bootstrap/authorized-keys.ts';
import { readTailnetStatus } from '../../src/bootstrap/tailscale.ts';
import { SpuffError } from '../../src/domain/errors.ts';
import { parseDarwinMounts, parseMountInfo } from '../../src/lib/mount-table.ts';
import { parseListeners } from '../../src/ssh/listener-watch.ts';
import { parseRotationLine } from '../../src/ssh/rotation-script.ts';
import { unpackArchive } from '../../src/state/unpack-archive.ts';
import { mutateJson } from './mutate.ts';
import { mutateTar } from './mutate-tar.ts';
import { type FuzzTarget, fuzz } from './run-fuzz.ts';
import { orRefuse, textTarget } from './targets.ts';

const orNull = <T>(list: readonly T[]) => (list.length === 0 ? null : list);

const targets: readonly FuzzTarget[] = [
  textTarget('mounts', (text) => orRefuse(orNull([...parseMountInfo(text), ...parseDarwinMounts(text)]))),
  {
    ...textTarget('tailnet-status', (text) => {
      const status = readTailnetStatus(text);
      orRefuse('reason' in status ? null : status);
      if ('host' in status && !/^(?:100\.|fd7a:115c:a1e0:)/.test(status.host))
        throw new TypeError('an address that is in no tailnet');
    }),
    // Lines may stand before it.
    mutate: (input, random) => {
      const at = Math.max(0, input.indexOf('{'));
      return Buffer.concat([input.subarray(0, at), mutateJson(input.subarray(at), random)]);
    },
  },
  { name: 'remote-files', parse: (input) => parseLook(input) },
  textTarget('key-change', (text) => {
    const change = readKeyChange(text);
    orRefuse(typeof change === 'string' ? change : null);
  }),
  textTarget('rotation', (text) => orRefuse(parseRotationLine(text, 'm'))),
  textTarget('listeners', (text) => orRefuse(orNull(parseListeners(text.split('\n'))))),
];

describe('what a machine and programs answer', () => {
  for (const target of targets) {
    it(`${target.name}: it is understood or refused, whatever it says`, async ({ expect }) => {
      const { failures, taken, inputs } = await fuzz(target);
      expect(failures).toEqual([]);
      expect(taken).toBeGreaterThan(0);
      expect(taken).toBeLessThan(inputs);
    });
  }
});

describe('the archive of a rescue', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'spuff-fuzz-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it('is unpacked into its folder or refused, whatever is in it', async ({ expect }) => {
    const folder = join(scratch, 'out');
    const parse = async (input: Buffer) => {
      mkdirSync(folder);
      try {
        orRefuse(await unpackArchive({ name: 'a-rescue' }, toStream(input), folder));
        const beside = readdirSync(scratch).filter((name) => name !== 'out');
        if (beside.length > 0) throw new TypeError(`it wrote ${beside.join()} beside its folder`);
        const odd = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => isGits(name));
        if (odd.length > 0) throw new TypeError(`it wrote ${odd.join()}`);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    };
    // What the library says of one that is damaged, and what a file system says of names: unpackRescue explains both.
    const isForeseen = (error: unknown) =>
      error instanceof Error &&
      !(error instanceof TypeError || error instanceof RangeError || error instanceof SpuffError);
    const target = { name: 'rescue.tar', parse, mutate: mutateTar, isForeseen };
    const { failures, taken, inputs } = await fuzz(target);
    expect(failures).toEqual([]);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(inputs);
  });
});

/** Some file systems take no notice of characters that are not seen, nor of dots and spaces at the end. */
function isGits(path: string): boolean {
  return path.split('/').some((part) => /^\.git[. ]*$/i.test(part.replaceAll(/\p{Cf}/gu, '')));
}

async function* toStream(input: Buffer): AsyncGenerator<Uint8Array> {
  yield input;
}
