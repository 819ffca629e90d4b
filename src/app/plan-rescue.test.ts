import { describe, it } from 'vitest';
import { silentProgress } from '../domain/progress.ts';
import type { Capabilities, Provider } from '../domain/provider.ts';
import { defaultSettings, type Settings } from '../domain/settings.ts';
import { homePaths } from '../state/home.ts';
import { openRescueStore } from '../state/rescue-files.ts';
import type { AppContext } from './context.ts';
import type { UpPlan } from './plan-up.ts';
import { planUp } from './plan-up.ts';

async function plan(
  settings: Partial<Settings>,
  caps: Partial<Capabilities>,
  spot = false,
): Promise<{ onIdle: UpPlan['onIdle']; notes: string[]; warnings: string[] }> {
  const [notes, warnings]: [string[], string[]] = [[], []];
  const provider = {
    id: 'fake',
    caps: { billing: null, firewall: 'none', prices: 'in-catalog', clock: 'this-computer', ...caps },
    defaults: { region: 'here', size: 'small', image: { kind: 'slug', slug: 'debian-12' } },
    catalog: async () => ({ regions: [], images: [], sizes: [] }),
  } as unknown as Provider;
  const context = {
    directory: '/projects/here',
    signal: new AbortController().signal,
    runtime: { now: () => 0 },
    progress: {
      ...silentProgress,
      note: (text: string) => notes.push(text),
      warn: (text: string) => warnings.push(text),
    },
    settings: async () => ({ ...defaultSettings, provider: 'fake', ...settings }),
    project: async () => null,
    provider: async () => provider,
    rescues: async () => openRescueStore(homePaths('/nowhere'), { now: () => 0 }),
    ssh: async () => ({ findLoginKeys: async () => ({ publicKeys: [], publicKeyPath: null, notes: [] }) }),
  } as unknown as AppContext;
  const { onIdle } = await planUp(context, { name: 'demo', spot });
  return { onIdle, notes, warnings };
}

describe('what becomes of the disk of a machine that goes by itself', () => {
  it('is that it is kept where work is to be saved, and that costs', async ({ expect }) => {
    const { onIdle, notes, warnings } = await plan({ rescue: true }, { snapshots: true });
    expect(onIdle).toBe('snapshot');
    expect(notes).toEqual([expect.stringMatching(/demo.*snapshot.*costs/)]);
    expect(warnings).toEqual([]);
  });

  it('is what the setting says, without', async ({ expect }) => {
    expect(await plan({}, { snapshots: true })).toEqual({ onIdle: 'destroy', notes: [], warnings: [] });
    const kept = await plan({ rescue: true, onIdle: 'snapshot' }, { snapshots: true });
    expect(kept).toEqual({ onIdle: 'snapshot', notes: [], warnings: [] });
  });

  it('is not decided while rescue_to names no key, which would only show when it is needed', async ({
    expect,
  }) => {
    const rescueTo = ['/nowhere/id_ed25519.pub'];
    await expect(plan({ rescue: true, rescueTo }, {})).rejects.toMatchObject({ code: 'state' });
    expect((await plan({ rescueTo }, {})).onIdle).toBe('destroy');
  });

  it.for([
    [{ snapshots: false }, false],
    [{ snapshots: true, spot: true }, true],
  ] as const)(
    'is that it is lost where it can not be kept, with a warning: %j',
    async ([caps, spot], { expect }) => {
      const { onIdle, warnings } = await plan({ rescue: true }, caps, spot);
      expect(onIdle).toBe('destroy');
      expect(warnings).toEqual([expect.stringContaining('is lost')]);
    },
  );
});
