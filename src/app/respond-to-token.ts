/** The playbook for a provider's credential that others may have. */
import { SpuffError } from '../domain/errors.ts';
import type { Provider } from '../domain/provider.ts';
import { makeRandomName } from '../lib/random-name.ts';
import { callOptions } from './context.ts';
import { listOrphans, type Orphan, removeOrphan } from './orphans.ts';
import type { IncidentRun, IncidentStep } from './run-incident.ts';
import { defaultSnapshotName } from './snapshots.ts';
import { listMachines } from './untracked-machines.ts';

const patienceMs = 60_000;

/** @param options.snapshot keeps the disk of each unknown machine before it is destroyed */
export function tokenSteps(options: { snapshot: boolean }): IncidentStep[] {
  return [
    { name: 'reach', title: 'what the token could reach', run: sayReach },
    { name: 'revoked', title: 'the old token is revoked, and refused', run: proveRefusal },
    { name: 'new-token', title: 'the new token works', run: checkNewToken },
    { name: 'evidence', title: 'what is at the provider is written down', run: keepInventory },
    {
      name: 'destroyed',
      title: 'what nobody knows of is destroyed',
      run: (run) => destroyUnknown(run, options.snapshot),
    },
    { name: 'audit', title: 'the account is looked through', run: handOverAudit },
  ];
}

const providerOf = ({ context, incident }: IncidentRun) => context.provider(incident.subject);

async function sayReach(run: IncidentRun): Promise<'done'> {
  if (run.fact('salt') === undefined) run.setFact('salt', makeRandomName() + makeRandomName());
  const mark = await run.ports.credentialMark(run.incident.subject, run.fact('salt') ?? '');
  if (run.fact('mark') === undefined && mark !== null) run.setFact('mark', mark);
  const access = await askAccess(run, await providerOf(run));
  if (access === null) {
    run.said('the token is refused already');
    return 'done';
  }
  run.said(`account ${access.account}: whoever has the token can do there all that the token may`);
  if (access.missing.length > 0) run.said(`it lacks: ${access.missing.join(', ')}`);
  return 'done';
}

/** null: the credential is refused. */
async function askAccess({ context }: IncidentRun, provider: Provider) {
  try {
    return await provider.checkAccess(callOptions(context, patienceMs));
  } catch (error) {
    if (error instanceof SpuffError && error.code === 'auth') return null;
    throw error;
  }
}

/** Whether the credential of this shell is the one that the incident is about; null: nobody can tell. */
async function isOldToken(run: IncidentRun): Promise<boolean | null> {
  const now = await run.ports.credentialMark(run.incident.subject, run.fact('salt') ?? '');
  const before = run.fact('mark');
  return now === null || before === undefined ? null : now === before;
}

async function proveRefusal(run: IncidentRun): Promise<'done' | 'left' | 'waiting'> {
  const { ports, incident } = run;
  const provider = await providerOf(run);
  if ((await isOldToken(run)) === false) {
    run.said('this shell has another token: that the old one is refused was not seen');
    run.todo(`prove it where the old token still is: spuff incident api-token --resume ${incident.id}`);
    return 'left';
  }
  for (let tries = 0; tries < 2; tries++) {
    if ((await askAccess(run, provider)) === null) {
      run.said(`seen: ${provider.id} refuses the old token`);
      return 'done';
    }
    const page = `revoke it at ${ports.pages(provider.id)?.tokens ?? provider.id}`;
    const isRevoked = tries === 0 && (await ports.hasDone(`${page}. Is it revoked?`));
    if (isRevoked && (await isOldToken(run)) === null) {
      run.said(
        'you said that it is revoked; which credential is in use can not be told, so it was not seen to be refused',
      );
      run.todo(`look once more that it is gone: ${page}`);
      return 'left';
    }
    if (!isRevoked) {
      run.said(`${provider.id} still accepts the token`);
      run.todo(page);
      run.todo(
        `then, with the old token still in the shell: spuff incident api-token --resume ${incident.id}`,
      );
      return 'waiting';
    }
  }
  return 'waiting';
}

async function checkNewToken(run: IncidentRun): Promise<'done' | 'waiting'> {
  const { incident, ports } = run;
  const provider = await providerOf(run);
  const isOld = await isOldToken(run);
  const access = isOld === true ? null : await askAccess(run, provider);
  if (access !== null && access.missing.length === 0) {
    run.said(`account ${access.account}`);
    return 'done';
  }
  if (access !== null) run.said(`the new token lacks: ${access.missing.join(', ')}`);
  run.todo(
    `make a new token at ${ports.pages(provider.id)?.tokens ?? provider.id}, and put it where the old one was`,
  );
  run.todo(`then: spuff incident api-token --resume ${incident.id}`);
  return 'waiting';
}

async function listUnknown(run: IncidentRun): Promise<Orphan[]> {
  return listOrphans(run.context, [run.incident.subject]);
}

async function keepInventory(run: IncidentRun): Promise<'done'> {
  const { context, incident, ports } = run;
  const provider = await providerOf(run);
  const machines = await listMachines(context, provider);
  const unknown = await listUnknown(run);
  const loginKeys = (await provider.loginKeys?.list(callOptions(context, patienceMs))) ?? [];
  const ring = (await ports.ownKeys()).read();
  const own = [ring.current, ...ring.retiring].map((key) => key?.publicKey);
  const strange = loginKeys.filter((key) => !own.includes(key));
  const at = new Date(context.runtime.now()).toISOString();
  const content = JSON.stringify({ at, machines, unknown, loginKeys }, null, 2);
  const path = ports.store.keep(incident.id, 'inventory.json', `${content}\n`);
  run.said(
    `${machines.length} machines with spuff's labels, ${unknown.length} things that are in no state: ${path}`,
  );
  for (const one of unknown) run.said(`unknown: ${describe(one)}`);
  for (const key of strange) run.said(`a login key that is none of spuff's own here is registered: ${key}`);
  return 'done';
}

function describe({ kind, id, name, createdAt }: Orphan): string {
  return `${kind} ${name} (${id})${createdAt === null ? '' : `, made ${createdAt.toISOString()}`}`;
}

/** Machines first: what belongs to one may go with it, and is not free before. One that can't be removed keeps none of the others. */
async function destroyUnknown(run: IncidentRun, snapshot: boolean): Promise<'done' | 'left'> {
  const provider = await providerOf(run);
  const unknown = await listUnknown(run);
  const inOrder = unknown.toSorted((one, other) => Number(other.kind === 'vm') - Number(one.kind === 'vm'));
  let kept = 0;
  const failed: SpuffError[] = [];
  for (const one of inOrder) {
    if (!(await run.ports.mayDestroy(one.id, `Destroy ${describe(one)}? It may be a colleague's.`))) {
      run.said(`not destroyed: ${describe(one)}`);
      run.todo(
        `find out whose it is; destroy it: spuff incident api-token --resume ${run.incident.id} --destroy ${one.id}`,
      );
      kept += 1;
      continue;
    }
    try {
      if (snapshot && one.kind === 'vm') await keepDisk(run, provider, one);
      // Before it: a process that is killed leaves word of what it was at.
      run.setFact(`${doomed}${one.id}`, describe(one));
      await removeOrphan(run.context, one);
    } catch (error) {
      if (!(error instanceof SpuffError) || error.code === 'interrupted') throw error;
      run.said(`could not be destroyed: ${describe(one)}: ${error.message}`);
      for (const hint of error.hints) run.todo(hint);
      failed.push(error);
    }
  }
  const remaining = new Set((await listUnknown(run)).map(({ id }) => id));
  for (const [fact, what] of Object.entries(run.facts())) {
    if (!fact.startsWith(doomed)) continue;
    if (!remaining.has(fact.slice(doomed.length))) run.said(`destroyed, and seen to be gone: ${what}`);
  }
  const [first] = failed;
  if (first !== undefined) {
    throw new SpuffError(
      first.code,
      `${failed.length} of ${unknown.length} unknown things could not be destroyed`,
    );
  }
  return kept === 0 ? 'done' : 'left';
}

const doomed = 'destroying ';

async function keepDisk(run: IncidentRun, provider: Provider, { id, key, name }: Orphan): Promise<void> {
  if (!provider.snapshots || key === null || run.fact(`snapshot ${id}`) !== undefined) return;
  const as = defaultSnapshotName('incident', run.context.runtime.now());
  await provider.snapshots.create(id, as, { ...callOptions(run.context, 30 * 60_000), expectKey: key });
  run.setFact(`snapshot ${id}`, as);
  run.said(`the disk of ${name} is kept as ${as}`);
}

async function handOverAudit(run: IncidentRun): Promise<'done' | 'left'> {
  const { ports, incident } = run;
  const pages = ports.pages(incident.subject);
  run.said(
    'spuff sees what bears its labels alone: whoever has the token can have made other things as well',
  );
  run.todo(
    `look for machines, keys, firewalls and other tokens that nobody knows: ${pages?.resources ?? incident.subject}`,
  );
  run.todo(`look at who did what, and from where: ${pages?.activity ?? incident.subject}`);
  run.todo('compare it with what spuff did itself: spuff log --kind request');
  if (!(await ports.hasDone('Have you looked through the account, at the pages that the report names?')))
    return 'left';
  run.said('you said that you have looked through it');
  return 'done';
}
