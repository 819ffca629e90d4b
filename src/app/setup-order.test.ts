import { describe, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { emptyProject, type ProjectFile } from '../domain/project.ts';
import { Secret } from '../domain/secret.ts';
import { setupOrder, setupRequest } from '../protocol/setup-schema.ts';
import type { AppContext } from './context.ts';
import { prepareSetup, readProjectSetup, renderSetup } from './setup-order.ts';

const project = (change: Partial<ProjectFile> = {}): ProjectFile => ({
  ...emptyProject('/work/spuff.yaml', '/work', 'shop'),
  ...change,
});
const instance = sampleInstance({ user: 'ana' });
const request = { run: 'one', only: null, again: false, lends: true };

describe('the order of a project', () => {
  it('is one that the machine takes, with what the file asks for', async ({ expect }) => {
    const file = project({
      packages: ['jq'],
      bundles: [{ name: 'python', version: null }],
      aiTools: ['codex'],
      repositories: [
        { url: 'git@github.com:o/app.git', path: null, branch: 'dev' },
        { url: 'https://h/x.git', path: '~/src/x/', branch: null },
      ],
      dotfiles: { url: 'https://h/dot.git', path: null, branch: null },
      services: { enabled: true, composeFile: 'compose.yaml', profiles: ['dev'] },
      setup: ['npm ci'],
      hooks: { postUp: ['a'], preDown: ['b'] },
      keepEnv: true,
    });
    const prepared = await prepareSetup({ project: file, env: new Map([['A', new Secret('x')]]) }, instance);
    const [first, second] = renderSetup(prepared, request).trimEnd().split('\n');
    expect(setupRequest.parse(JSON.parse(first ?? ''))).toEqual(request);
    const order = setupOrder.parse(JSON.parse(second ?? ''));
    expect(order).toMatchObject({
      ...{ project: 'shop', directory: '/home/ana/shop', env: { A: 'x' }, keepEnv: true, packages: ['jq'] },
      repositories: [{ path: 'app', branch: 'dev' }, { path: 'src/x' }],
      dotfiles: { path: '.dotfiles' },
      services: { composeFile: 'compose.yaml', profiles: ['dev'] },
      ...{ setup: ['npm ci'], postUp: ['a'], preDown: ['b'] },
    });
    expect(order.bundles.map(({ name }) => name)).toEqual(['python']);
    expect(order.aiTools.map(({ name }) => name)).toEqual(['codex']);
  });

  it('shows no value of a variable but on its way to the machine', async ({ expect }) => {
    const prepared = await prepareSetup(
      { project: project(), env: new Map([['A', new Secret('canary')]]) },
      instance,
    );
    expect(JSON.stringify(prepared)).not.toContain('canary');
    expect(renderSetup(prepared, request)).toContain('canary');
  });

  it('has no services where they are switched off', async ({ expect }) => {
    const services = { enabled: false, composeFile: 'compose.yaml', profiles: [] };
    expect(
      (await prepareSetup({ project: project({ services }), env: new Map() }, instance)).order.services,
    ).toBe(null);
  });

  it('is refused with its place when no machine would take it', async ({ expect }) => {
    const file = project({ setup: ['x'.repeat(70_000)] });
    await expect(prepareSetup({ project: file, env: new Map() }, instance)).rejects.toThrow(
      '/work/spuff.yaml: setup.0: no machine would take this',
    );
  });
});

describe('what is known before a machine is made', () => {
  const context = (file: ProjectFile | null) =>
    ({
      project: async () => file,
      projectFiles: async () => ({ findSecrets: () => null, readSecrets: async () => null }),
      signal: new AbortController().signal,
    }) as unknown as AppContext;

  it('is that nothing is asked for', async ({ expect }) => {
    expect(await readProjectSetup(context(null), '/work')).toBe(null);
    expect(await readProjectSetup(context(project()), '/work')).toBe(null);
  });

  it('is that a bundle has no such version, or a variable no value', async ({ expect }) => {
    const wrong = project({ bundles: [{ name: 'node', version: '1.2.3' }] });
    await expect(readProjectSetup(context(wrong), '/work')).rejects.toThrow('the bundle node has no version');
    const env = { A: { kind: 'text', text: '$NO_SUCH_VARIABLE_OF_SPUFF' } } as const;
    await expect(readProjectSetup(context(project({ env })), '/work')).rejects.toThrow(
      'NO_SUCH_VARIABLE_OF_SPUFF',
    );
  });
});
