import { afterEach, describe, it } from 'vitest';
import { type Answer, createSetupWorld, type SetupWorld } from './setup-world.ts';

let world: SetupWorld;
afterEach(() => world.remove());

/** An apt that has `known`, in which `clashing` can't be together, and that is at first held by somebody else. */
function apt({
  known,
  clashing = [],
  heldFor = 0,
}: {
  known: string[];
  clashing?: string[];
  heldFor?: number;
}): Answer {
  const installed = new Set<string>();
  let held = heldFor;
  return (argv) => {
    const specs = argv.slice(argv.indexOf('--') + 1);
    if (argv[0] === 'dpkg-query') {
      const lines = specs
        .filter((name) => installed.has(name))
        .map((name) => `installed\t${name}\tamd64\t1.0\n`);
      return { output: lines.join('') };
    }
    if (argv[0] === 'apt-cache')
      return {
        output: specs
          .filter((name) => known.includes(name))
          .map((name) => `${name}:\n`)
          .join(''),
      };
    if (argv[0] !== 'apt-get') return undefined;
    if (argv.includes('--simulate')) {
      const unknown = specs.find((name) => !known.includes(name));
      if (unknown) return { exitCode: 100, output: `E: Unable to locate package ${unknown}\n` };
      const clash = clashing.length > 0 && clashing.every((name) => specs.includes(name));
      return clash
        ? { exitCode: 100, output: 'E: Unable to correct problems, you have held broken packages.\n' }
        : undefined;
    }
    if (argv.includes('install')) {
      if (held-- > 0) return { exitCode: 100, output: 'E: Could not get lock /var/lib/dpkg/lock-frontend\n' };
      for (const name of specs) installed.add(name);
    }
    return undefined;
  };
}

const installs = () =>
  world.ran
    .filter((argv) => argv.includes('install') && !argv.includes('--simulate'))
    .map((argv) => argv.slice(argv.indexOf('--') + 1));

async function partOf(packages: string[]) {
  const [part] = (await world.setUp({ packages })).parts;
  return part;
}

describe('packages', () => {
  it('are installed in one transaction, and not again when they are there', async ({ expect }) => {
    world = createSetupWorld(apt({ known: ['a', 'b', 'c'] }));
    expect(await partOf(['a', 'b'])).toMatchObject({ state: 'done', detail: '2 packages installed' });
    await partOf(['a', 'b', 'c']);
    expect(installs()).toEqual([['a', 'b'], ['c']]);
  });

  it('that there are none of are named, and the others installed', async ({ expect }) => {
    world = createSetupWorld(apt({ known: ['a', 'b'] }));
    const part = await partOf(['a', 'nope', 'b', 'no.pe']);
    expect(part).toMatchObject({ state: 'failed' });
    expect(part?.detail).toBe('nope: there is no such package; no.pe: there is no such package');
    expect(installs()).toEqual([['a', 'b']]);
  });

  it('that can not be together are told apart', async ({ expect }) => {
    world = createSetupWorld(apt({ known: ['a', 'b', 'c'], clashing: ['a', 'c'] }));
    const part = await partOf(['a', 'b', 'c']);
    expect(part?.items.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'a done',
      'b done',
      'c failed',
    ]);
    expect(part?.detail).toContain('c: Unable to correct problems');
    expect(installs()).toEqual([['a', 'b']]);
  });

  it.for(['-y', 'a-', 'a b', '../x', 'a;b'])(
    'of the name %j are handed to no program',
    async (name, { expect }) => {
      world = createSetupWorld(apt({ known: ['a'] }));
      expect((await partOf(['a', name]))?.detail).toContain('this can not be the name of a package');
      expect(installs()).toEqual([['a']]);
    },
  );

  it('wait while another program installs some', async ({ expect }) => {
    world = createSetupWorld(apt({ known: ['a'], heldFor: 3 }));
    expect(await partOf(['a'])).toMatchObject({ state: 'done' });
    expect(installs()).toHaveLength(4);
  });

  it('of bundles come in the same transaction, and are the bundles own affair', async ({ expect }) => {
    world = createSetupWorld(apt({ known: ['a', 'b'] }));
    const plan = { name: 'cpp', version: null, archives: [], npmPackages: [], commands: [], checks: [] };
    const bundles = [
      { ...plan, aptPackages: ['b'] },
      { ...plan, name: 'zig', aptPackages: ['nope'] },
    ];
    const { parts } = await world.setUp({ packages: ['a'], bundles });
    expect(parts.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'packages done',
      'cpp done',
      'zig done',
    ]);
    expect(installs()[0]).toEqual(['a', 'b']);
    expect(parts[0]?.detail).toBe('2 packages installed, without nope');
  });
});
