/** The playbook for a machine that somebody else may have got into. */
import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import { callOptions } from './context.ts';
import { cutOffMachine, tailnetPage } from './cut-off-machine.ts';
import { downInstance } from './down.ts';
import { revokeGuards } from './guard-revoke.ts';
import { instanceOf } from './incident-instance.ts';
import { listExposed } from './list-exposed.ts';
import { rotateOwnKey } from './rotate-key.ts';
import type { IncidentRun, IncidentStep } from './run-incident.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';
import { createSnapshot, defaultSnapshotName } from './snapshots.ts';

/** What is kept of a running machine, by the name of its file. Fixed commands; the machine may lie in all of them. */
const evidence: Readonly<Record<string, readonly string[]>> = {
  'processes.txt': ['sudo', 'ps', '-eo', 'pid,ppid,user,lstart,args'],
  'sockets.txt': ['sudo', 'ss', '-tupanO'],
  'logins.txt': ['last', '-Faiw'],
  'journal.txt': ['sudo', 'journalctl', '--no-pager', '-o', 'short-iso', '-n', '5000'],
};

/** Steps that are too late once it is destroyed. */
export const vmStepsToKeep: readonly string[] = ['evidence', 'snapshot', 'exposed'];

/** @param options.snapshot keeps the disk as well */
export function vmSteps(options: { snapshot: boolean }): IncidentStep[] {
  return [
    { name: 'lending', title: 'nothing is lent to it any more', run: endLending },
    { name: 'evidence', title: 'evidence is kept', run: keepEvidence },
    { name: 'closed', title: 'it is cut off', run: cutOffMachine },
    { name: 'snapshot', title: 'its disk is kept', run: (run) => keepDisk(run, options.snapshot) },
    { name: 'exposed', title: 'what it could see is listed', run: listExposed },
    { name: 'destroyed', title: 'it is destroyed', needs: vmStepsToKeep, run: destroy },
    {
      name: 'login-key',
      title: 'the login key is replaced, if the machine could use it',
      run: replaceLoginKey,
    },
    { name: 'replaced', title: 'what it could see is replaced', run: handOverSecrets },
  ];
}

async function endLending(run: IncidentRun): Promise<'done'> {
  const instance = await instanceOf(run);
  if (instance === null) return 'done';
  const guards = await revokeGuards(run.context, [instance]);
  run.said(`${guards.length} guards of open sessions sign nothing any more`);
  await (await run.context.ssh()).disconnect(instance);
  run.said('the shared connection to it is ended');
  return 'done';
}

async function keepEvidence(run: IncidentRun): Promise<'done'> {
  const { context, ports, incident } = run;
  const instance = await instanceOf(run);
  if (instance?.phase !== 'ready') {
    run.said('it does not run any more, or not yet: there is no evidence to be had from it');
    return 'done';
  }
  if (!(await ports.agrees(`Keep processes, sockets, logins and the journal of ${instance.name} first?`))) {
    run.said('no evidence of the running machine was kept');
    return 'done';
  }
  const [ssh, target] = [await context.ssh(), sshTargetOf(requireReady(instance))];
  for (const [name, argv] of Object.entries(evidence)) {
    try {
      const { stdout, exitCode } = await ssh.run(target, argv, { timeoutMs: 60_000, signal: context.signal });
      run.said(
        `kept, as the machine tells it (exit ${exitCode}): ${ports.store.keep(incident.id, name, stdout)}`,
      );
    } catch (error) {
      // A machine that gives none must not live on for it.
      if (!(error instanceof SpuffError) || error.code === 'interrupted') throw error;
      run.said(`${name} could not be had: ${error.message}`);
    }
  }
  return 'done';
}

async function keepDisk(run: IncidentRun, isAsked: boolean): Promise<'done'> {
  const instance = await instanceOf(run);
  if (instance === null || instance.phase !== 'ready' || run.fact('snapshot') !== undefined) return 'done';
  const { snapshots } = await run.context.provider(instance.provider);
  if (!snapshots || !isAsked) {
    run.said('its disk is not kept');
    return 'done';
  }
  const name = defaultSnapshotName(`incident-${instance.name}`.slice(0, 40), run.context.runtime.now());
  await createSnapshot(run.context, instance, name);
  run.setFact('snapshot', name);
  run.said(`its disk is kept as ${name}: start nothing from it that you would trust`);
  return 'done';
}

async function destroy(run: IncidentRun): Promise<'done' | 'waiting'> {
  const { context, incident, ports } = run;
  const instance = await instanceOf(run);
  if (instance !== null) {
    if (!(await ports.mayDestroy(instance.name, `Destroy ${instance.name} for good?`))) {
      run.todo(`it still runs; destroy it: spuff incident vm ${incident.subject} --resume ${incident.id}`);
      return 'waiting';
    }
    // Nothing that the machine could forge is asked of it any more.
    await downInstance(context, instance, { snapshot: null, force: true, rescue: false });
  }
  const provider = await context.provider(run.fact('provider') ?? '');
  const key = run.fact('key') as InstanceKey;
  const vm = await provider.find(key, callOptions(context, 60_000));
  if (vm !== null && vm.state !== 'gone') {
    throw new SpuffError('provider', `${incident.subject} is still there: ${vm.rawState}`, {
      hints: [`look at it: ${ports.pages(provider.id)?.resources ?? `machine ${vm.id} at ${provider.id}`}`],
    });
  }
  run.said(`${provider.id} has it no more; its agent token and its host key went with it`);
  return 'done';
}

/** Spuff's own key logs in to the machine; only what was lent to it could be used from there. */
async function replaceLoginKey(run: IncidentRun): Promise<'done'> {
  const store = await run.ports.ownKeys();
  const { current, retiring } = store.read();
  const used = (run.fact('keys') ?? '').split(' ');
  if (current === null) {
    run.said("there is no login key of spuff's own");
    return 'done';
  }
  const isExposed =
    used.includes(current.fingerprint) || (run.fact('raw') === 'yes' && (await store.isInAgent(current)));
  const isBegun = run.fact('retire') === current.fingerprint || retiring.length > 0;
  if (!isExposed && !isBegun) {
    run.said(`${current.fingerprint} was not used from the machine, which never had its private half`);
    return 'done';
  }
  const report = await rotateOwnKey(run.context, store, run.ports.newKey);
  run.setFact('keys', used.filter((one) => one !== current.fingerprint).join(' '));
  for (const { name, error } of report.undone)
    run.said(`${name} still lets the old key in: ${error.message}`);
  if (report.undone.length > 0) {
    throw new SpuffError('connection', 'the old login key is not gone from everywhere', {
      hints: ['go on: spuff key rotate'],
    });
  }
  run.said(`the new login key is ${report.key.fingerprint}`);
  return 'done';
}

async function handOverSecrets(run: IncidentRun): Promise<'done' | 'left'> {
  const words = (fact: string) => (run.fact(fact) ?? '').split(' ').filter((word) => word !== '');
  for (const name of words('env'))
    run.todo(`make a new value for ${name}, and revoke the old one where it came from`);
  for (const forge of words('forges')) run.todo(`look at what was done in your name at ${forge} meanwhile`);
  const unread = run.fact('unreadProject') ?? '';
  if (unread !== '') run.todo(`replace the values that the project in ${unread} gave to it as well`);
  const tailnet = run.fact('tailnet') ?? '';
  if (tailnet !== '')
    run.todo(`see that ${tailnet} is gone from your tailnet, and remove it: ${tailnetPage}`);
  if (run.fact('synced') === 'yes')
    run.todo('look through what sync brought from it, before you run or commit it');
  if (run.fact('raw') === 'yes')
    run.todo('replace each key of your ssh-agent wherever it logs in: ssh-add -l');
  run.todo(
    'log out of, and in again to, whatever you logged in to on the machine by hand: AI tools, registries',
  );
  run.todo('look at what was pushed from it before you trust the branches');
  run.todo('make a new machine: spuff up');
  if (!(await run.ports.hasDone('Have you replaced what the report names?'))) return 'left';
  run.said('you said that it is replaced');
  return 'done';
}
