import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentProgress } from '../domain/progress.ts';
import { defaultSettings } from '../domain/settings.ts';
import { openProjectFiles } from '../state/project-files.ts';
import { openTrustStore } from '../state/trust-files.ts';
import { resolveProjectEnv } from './project-env.ts';
import { readProjectTrust, trustProject } from './project-trust.ts';

const files = openProjectFiles();
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'spuff-env-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const path = process.env['PATH'];

async function resolve(project: string, secrets: string | null = null, env: NodeJS.ProcessEnv = {}) {
  writeFileSync(join(root, 'spuff.yaml'), project);
  if (secrets !== null) writeFileSync(join(root, 'spuff.secrets.yaml'), secrets, { mode: 0o600 });
  const notes: string[] = [];
  const context = {
    projectFiles: async () => files,
    settings: async () => defaultSettings,
    trust: async () => openTrustStore({ trusted: join(root, 'trusted') }),
    signal: new AbortController().signal,
    progress: { ...silentProgress, note: (text: string) => void notes.push(text) },
  };
  const read = await files.read(join(root, 'spuff.yaml'));
  await trustProject(context, read, (await readProjectTrust(context, read)).wishes);
  const resolved = await resolveProjectEnv(context, read, { PATH: path, ...env });
  const values = Object.fromEntries([...resolved].map(([name, secret]) => [name, secret.reveal()]));
  return { resolved, values, notes };
}

const from = (script: string) => `{ from: ${JSON.stringify(`sh -c '${script}'`)} }`;

describe("the variables of a project's", () => {
  it('are none where it has none', async () => {
    expect((await resolve('name: a\n')).values).toEqual({});
  });

  it('are filled in on this computer, and can not be printed', async () => {
    const text = 'env: { A: plain, B: "$USER-${NONE:-else}", C: 3000, D: "5 $$" }\n';
    const { values, resolved } = await resolve(text, null, { USER: 'alice' });
    expect(values).toEqual({ A: 'plain', B: 'alice-else', C: '3000', D: '5 $' });
    expect(inspect(resolved)).not.toContain('alice');
  });

  it('are overruled by the file of secrets, whatever that does not overrule stays', async () => {
    const project = 'env: { A: $NOT_SET, B: b }\n';
    expect((await resolve(project, 'env: { A: mine, C: c }\n')).values).toEqual({
      A: 'mine',
      B: 'b',
      C: 'c',
    });
    expect((await resolve(project.replace('$NOT_SET', 'a'), 'env:\n')).values).toEqual({ A: 'a', B: 'b' });
  });

  it('are all named that are missing, with their places', async () => {
    const run = resolve('env:\n  A: $ONE\n  B: ${TWO}${THREE}\n', 'env:\n  C: $FOUR\n');
    await expect(run).rejects.toMatchObject({
      code: 'config',
      message: [
        `${root}/spuff.yaml:2:6: env.A: ONE is not set on this computer`,
        `${root}/spuff.yaml:3:6: env.B: TWO and THREE are not set on this computer`,
        `${root}/spuff.secrets.yaml:2:6: env.C: FOUR is not set on this computer`,
      ].join('\n'),
    });
  });

  it('are never what machines are ordered with', async () => {
    const env = { HCLOUD_TOKEN: 'canary', GITHUB_TOKEN: 'of-the-project' };
    expect((await resolve('env: { A: $GITHUB_TOKEN }\n', null, env)).values).toEqual({ A: 'of-the-project' });
    const run = resolve('env: { A: "${HCLOUD_TOKEN:-x}" }\n', null, env);
    await expect(run).rejects.toThrow(/:1:11: env\.A: HCLOUD_TOKEN orders machines/);
  });
});

describe('a command that prints a variable', () => {
  it('is run in the folder of the project, and loses one newline at its end', async () => {
    const { values, notes } = await resolve(`env:\n  A: ${from('pwd')}\n  B: ${from('seq 2; echo')}\n`);
    expect(values).toEqual({ A: root, B: '1\n2\n' });
    expect(notes).toHaveLength(2);
    expect(notes[0]).toBe("env.A: sh -c 'pwd'");
  });

  it('gets the session of a password manager, and not what machines are ordered with', async () => {
    const env = { OP_SESSION_x: 'session', SPUFF_API_TOKEN: 'canary', DIGITALOCEAN_TOKEN: 'canary' };
    const { values } = await resolve(
      `env:\n  A: ${from('echo $OP_SESSION_x-$SPUFF_API_TOKEN-$DIGITALOCEAN_TOKEN')}\n`,
      null,
      env,
    );
    expect(values['A']).toBe('session--');
  });

  it.each([
    [
      'fails',
      'echo canary; echo no such item >&2; exit 3',
      /spuff\.yaml:1:11: the command of env\.A \(sh\) ended with 3: no such item/,
    ],
    ['prints nothing', 'true', /:1:11: the command of env\.A printed nothing/],
    [
      'prints what no variable can hold',
      'printf canary; head -c 1 /dev/zero',
      /printed what no variable can hold/,
    ],
  ])('that %s is named with its place, and what it printed is not', async (_name, script, message) => {
    const error = await resolve(`env: { A: ${from(script)} }\n`).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'auth', message: expect.stringMatching(message) });
    expect((error as Error).message).not.toContain('canary');
  });

  it('that is not there is named', async () => {
    const run = resolve('env: { A: { from: no-such-program a } }\n');
    await expect(run).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is not run while a variable is missing', async () => {
    const marker = join(root, 'ran');
    await expect(resolve(`env: { A: ${from(`touch ${marker}`)}, B: $NONE }\n`)).rejects.toThrow(/NONE/);
    await expect(resolve(`env: { A: ${from(`test ! -e ${marker} && echo ok`)} }\n`)).resolves.toMatchObject({
      values: { A: 'ok' },
    });
  });
});
