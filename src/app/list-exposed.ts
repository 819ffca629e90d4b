/** A step of the playbook for machines: what it could see and use. It goes by this computer's own records alone. */
import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import { readGuardLog } from './guard-log.ts';
import { instanceOf } from './incident-instance.ts';
import type { IncidentRun } from './run-incident.ts';
import { countSynced } from './sync-record.ts';

/** Tried again also when the machine is gone: the records outlive it. */
export async function listExposed(run: IncidentRun): Promise<'done' | 'left'> {
  const { context } = run;
  const key = (run.fact('key') ?? '') as InstanceKey;
  const signed = readGuardLog(context, { name: key }).filter(({ decision }) => decision === 'signed');
  for (const { at, request } of signed) {
    const { kind, destination, user, keyFingerprint } = request;
    const where = destination === null ? '' : ` at ${user ?? ''}@${destination}`;
    run.said(`signed for it at ${at}: ${kind}${where} with ${keyFingerprint ?? 'an unknown key'}`);
  }
  if (signed.length === 0) run.said('the guard signed nothing for it');
  const raw = context.audit
    .read({ kinds: ['session'] })
    .some(({ details }) => details['instanceKey'] === key && details['lent'] === 'raw');
  if (raw) run.said('your ssh-agent itself was lent to it: it could use every key of it, anywhere');
  if (raw) run.setFact('raw', 'yes');
  run.setFact('keys', signed.map(({ request }) => request.keyFingerprint ?? '').join(' '));
  const forges = new Set(signed.flatMap(({ request }) => request.destination ?? []));
  run.setFact('forges', [...forges].join(' '));
  saySynced(run, key);
  return listVariables(run);
}

function saySynced(run: IncidentRun, key: InstanceKey): void {
  const synced = countSynced(run.context, key);
  if (synced === null) return;
  run.setFact('synced', 'yes');
  const where = run.fact('directory') ?? 'here';
  run.said(
    `sync kept ${where} and ${synced.folder} of it the same (files: ${synced.files}): what came from it may be an intruder's`,
  );
}

/** A project that can't be read keeps nothing waiting: what can be known of it is listed, and the rest is said to be missing. */
async function listVariables(run: IncidentRun): Promise<'done' | 'left'> {
  const directory = run.fact('directory') ?? (await instanceOf(run))?.directory;
  if (directory === undefined) {
    run.said('which project it was made for is not known any more, nor the names of its variables');
    return 'left';
  }
  const names = new Set((run.fact('env') ?? '').split(' ').filter((name) => name !== ''));
  let isWhole = true;
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SpuffError) || error.code === 'interrupted') throw error;
      isWhole = false;
      run.said(`not all of its variables could be listed: ${error.message}`);
    }
  };
  const { context } = run;
  let root = directory;
  await attempt(async () => {
    const project = await context.project(directory);
    root = project?.root ?? directory;
    for (const name of Object.keys(project?.env ?? {})) names.add(name);
  });
  await attempt(async () => {
    const secrets = await (await context.projectFiles()).readSecrets(root);
    for (const name of Object.keys(secrets?.env ?? {})) names.add(name);
  });
  run.setFact('env', [...names].toSorted().join(' '));
  run.setFact('unreadProject', isWhole ? '' : directory);
  for (const name of [...names].toSorted()) run.said(`it was given the variable ${name}`);
  if (isWhole) return 'done';
  const { subject, id } = run.incident;
  run.todo(
    `mend the files of the project in ${directory}, then: spuff incident vm ${subject} --resume ${id}`,
  );
  return 'left';
}
