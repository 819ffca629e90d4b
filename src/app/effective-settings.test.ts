import { describe, expect, it } from 'vitest';
import { emptyProject, type ProjectFile } from '../domain/project.ts';
import { defaultSettings, type Settings } from '../domain/settings.ts';
import { effectiveSettings } from './effective-settings.ts';

const project = (change: Partial<ProjectFile>): ProjectFile => ({
  ...emptyProject('/work/app/spuff.yaml', '/work/app', 'app'),
  places: new Map([['resources.size', { line: 4, column: 9 }]]),
  ...change,
});
const resources = { provider: undefined, regions: undefined, size: undefined, image: undefined };

const effective = (user: Partial<Settings>, file: ProjectFile | null, provider?: string) =>
  effectiveSettings(
    { settings: async () => ({ ...defaultSettings, ...user }), project: async () => file },
    { provider },
  );

describe('what counts', () => {
  it("is the user's where there is no project, or it says nothing", async () => {
    const user = { size: 'large', regions: ['here'] };
    for (const file of [null, project({})]) {
      const { settings, places } = await effective(user, file);
      expect(settings).toEqual({ ...defaultSettings, ...user });
      expect([...places]).toEqual([]);
    }
  });

  it("is the project's where it says something, also that there is no end", async () => {
    const file = project({
      resources: { ...resources, size: '4cpu-8gb' },
      ...{ idleTimeoutMs: 60_000, maxLifetimeMs: null, onIdle: 'snapshot', firewall: ['198.51.100.0/24'] },
    });
    const { settings, places } = await effective({ size: 'large', idleTimeoutMs: null }, file);
    expect(settings).toMatchObject({
      ...{ size: '4cpu-8gb', idleTimeoutMs: 60_000, maxLifetimeMs: null, onIdle: 'snapshot' },
      firewall: ['198.51.100.0/24'],
    });
    expect(places.get('size')).toBe('/work/app/spuff.yaml:4:9');
  });

  it('keeps resources to the provider that they are for', async () => {
    const user = { provider: 'one', regions: ['of-one'], size: 'mine' };
    const file = project({
      resources: { provider: 'two', regions: ['of-two'], size: 'theirs', image: 'i' },
      idleTimeoutMs: 60_000,
    });
    expect((await effective(user, file)).settings).toMatchObject({
      ...{ provider: 'two', regions: ['of-two'], size: 'theirs', image: 'i' },
    });
    expect((await effective(user, file, 'one')).settings).toMatchObject({
      ...{ provider: 'one', regions: ['of-one'], size: 'mine', image: null, idleTimeoutMs: 60_000 },
    });
    expect((await effective(user, file, 'three')).settings).toMatchObject({
      provider: 'three',
      regions: null,
    });
    const elsewhere = project({ resources: { ...resources, provider: 'two' } });
    expect((await effective(user, elsewhere)).settings).toMatchObject({ provider: 'two', regions: null });
  });
});
