/** The playbook for spuff's own login key that others may have. */
import { SpuffError } from '../domain/errors.ts';
import { forges } from '../domain/forge-keys.ts';
import type { OwnKey } from '../domain/own-key.ts';
import { callOptions } from './context.ts';
import { rotateOwnKey } from './rotate-key.ts';
import type { IncidentRun, IncidentStep } from './run-incident.ts';
import { sshTargetOf } from './select-instance.ts';
import { providersInUse } from './untracked-machines.ts';

export function keySteps(): IncidentStep[] {
  return [
    { name: 'rotated', title: 'a new key is in its place, and the old one is refused', run: rotate },
    {
      name: 'computer',
      title: 'the old key is gone from this computer and its ssh-agent',
      run: checkComputer,
    },
    { name: 'providers', title: 'the old key is registered at no provider', run: checkProviders },
    { name: 'elsewhere', title: 'the old key is removed from wherever else it logs in', run: handOver },
  ];
}

/** Run again after its end it finds another key in use than the one that the incident is about, and rotates no second time. */
async function rotate(run: IncidentRun): Promise<'done' | 'left'> {
  const { context, incident, ports } = run;
  const store = await ports.ownKeys();
  const { current, retiring } = store.read();
  if (current?.fingerprint !== run.incident.subject && retiring.length === 0) {
    run.said(`${incident.subject} is no key of spuff's own any more`);
    return 'done';
  }
  const report = await rotateOwnKey(context, store, ports.newKey, (old) => proveRefused(run, old));
  for (const { name, error } of report.undone) {
    run.said(`${name} still lets the old key in, or could not be asked: ${error.message}`);
    run.todo(`make ${name} reachable, or destroy it: spuff down ${name}`);
  }
  if (report.undone.length > 0) {
    run.todo(`then: spuff incident ssh-key --resume ${incident.id}`);
    return 'left';
  }
  run.said(`the new key is ${report.key.fingerprint}`);
  for (const { fingerprint } of report.retired) run.said(`deleted: ${fingerprint}`);
  return 'done';
}

/** Tries to log in with the old key, while it is still there to be tried. */
async function proveRefused(run: IncidentRun, old: OwnKey): Promise<void> {
  const { context } = run;
  const ssh = await context.ssh();
  for (const instance of (await context.state()).listInstances()) {
    if (instance.phase !== 'ready') continue;
    const target = { ...sshTargetOf(instance), publicKeyPath: old.publicPath };
    let opened = '';
    try {
      const onProven = (fingerprint: string) => {
        opened = fingerprint;
      };
      await ssh.runProven(target, ['true'], { timeoutMs: 60_000, signal: context.signal, onProven });
    } catch (error) {
      if (!(error instanceof SpuffError) || error.code !== 'auth') throw error;
      run.said(`seen: ${instance.name} refuses ${old.fingerprint}`);
      continue;
    }
    throw new SpuffError('auth', `${instance.name} still lets in ${opened}`, {
      hints: [`look at what it lets in: spuff exec ${instance.name} -- cat .ssh/authorized_keys`],
    });
  }
}

async function checkComputer(run: IncidentRun): Promise<'done' | 'left'> {
  const store = await run.ports.ownKeys();
  const { current, retiring } = store.read();
  const isThere = [current, ...retiring].some((key) => key?.fingerprint === run.incident.subject);
  if (isThere) {
    run.said('it is kept until every machine is done');
    return 'left';
  }
  run.said('its files are deleted');
  // Asked, not believed: some agents take no removal, and a copy under another name is the same key.
  if (await store.isInAgent({ publicKey: run.fact('publicKey') ?? '' })) {
    run.said('ssh-agent still has it, though it was told to forget it');
    run.todo('make ssh-agent forget all that it has: ssh-add -D; or end the agent that answers here');
    run.todo(`then: spuff incident ssh-key --resume ${run.incident.id}`);
    return 'left';
  }
  run.said('seen: ssh-agent, where one answers here, does not have it');
  run.todo('agents of other logins and computers were not asked: ssh-add -l there; forget all: ssh-add -D');
  return 'done';
}

async function checkProviders(run: IncidentRun): Promise<'done' | 'left'> {
  const { context } = run;
  const old = run.fact('publicKey') ?? '';
  let found = 0;
  for (const id of (await providersInUse(context)).ids) {
    const { loginKeys } = await context.provider(id);
    if (!loginKeys) continue;
    const isThere = (await loginKeys.list(callOptions(context, 60_000))).includes(old);
    run.said(isThere ? `${id} still has it` : `seen: ${id} has it registered no more`);
    if (isThere) run.todo(`remove it at ${run.ports.pages(id)?.resources ?? id}`);
    found += Number(isThere);
  }
  return found === 0 ? 'done' : 'left';
}

/**
 * Where a person sees the keys of an account.
 * @see https://docs.github.com/en/authentication/connecting-to-github-with-ssh/reviewing-your-ssh-keys
 * @see https://docs.gitlab.com/user/ssh/
 */
const keyPages: Readonly<Record<string, string>> = {
  'github.com': 'https://github.com/settings/keys',
  'gitlab.com': 'https://gitlab.com/-/user_settings/ssh_keys',
  'bitbucket.org': 'https://bitbucket.org/account/settings/ssh-keys/',
  'codeberg.org': 'https://codeberg.org/user/settings/keys',
};

async function handOver(run: IncidentRun): Promise<'done' | 'left'> {
  for (const { name } of forges) {
    run.todo(`remove ${run.incident.subject}, if it is there: ${keyPages[name] ?? name}`);
  }
  run.todo('servers of your own: take its line out of ~/.ssh/authorized_keys there');
  if (!(await run.ports.hasDone('Have you removed it where the report says?'))) return 'left';
  run.said('you said that it is removed');
  return 'done';
}
