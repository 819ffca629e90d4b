/** A step of the playbook for machines: nothing leads from it to this computer any more, and nobody gets in. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { closeFirewall } from './change-firewall.ts';
import { instanceOf } from './incident-instance.ts';
import type { IncidentRun } from './run-incident.ts';
import { listTunnels } from './tunnels.ts';
import { listVolumes, unmountAll } from './volumes.ts';

/** Where a person removes a node. @see https://tailscale.com/kb/1322/remove-devices */
export const tailnetPage = 'https://login.tailscale.com/admin/machines';

/** What is on this computer goes first: the machine could write there for as long as it is shown here. */
export async function cutOffMachine(run: IncidentRun): Promise<'done' | 'left'> {
  const instance = await instanceOf(run);
  if (instance === null) return 'done';
  const isClean = [await takeVolumes(run, instance), await endTunnels(run, instance)].every(Boolean);
  await leaveTheTailnet(run, instance);
  await (await run.context.ssh()).disconnect(instance);
  const { firewall } = await run.context.provider(instance.provider);
  if (firewall) {
    await closeFirewall(run.context, instance);
    run.said('port 22 is shut for everybody; connections that are open may stay until it is destroyed');
  } else {
    run.said(`${instance.provider} has no firewall in front of its machines: nothing to shut`);
  }
  return isClean ? 'done' : 'left';
}

async function takeVolumes(run: IncidentRun, instance: Instance): Promise<boolean> {
  const before = await listVolumes(run.context, instance);
  if (before.length === 0) return true;
  await unmountAll(run.context, instance);
  const after = (await listVolumes(run.context, instance)).map(({ mountPoint }) => mountPoint);
  for (const { mountPoint } of before) {
    const isThere = after.includes(mountPoint);
    run.said(isThere ? `${mountPoint} still shows a folder of it` : `seen: ${mountPoint} shows it no more`);
    if (isThere) run.todo(`take it away: spuff volume unmount ${mountPoint}`);
  }
  return after.length === 0;
}

async function endTunnels(run: IncidentRun, instance: Instance): Promise<boolean> {
  const { context } = run;
  const store = await context.tunnels();
  let isClean = true;
  for (const tunnel of await listTunnels(context, instance.key)) {
    try {
      await store.withLock(context.signal, () => store.end(tunnel, context.signal));
      run.said(`the tunnel ${tunnel.id} to it is ended`);
    } catch (error) {
      if (!(error instanceof SpuffError) || error.code === 'interrupted') throw error;
      isClean = false;
      run.said(`the tunnel ${tunnel.id} to it still runs: ${error.message}`);
      run.todo(`end the session that it came with: process ${tunnel.process.pid}`);
    }
  }
  return isClean;
}

/** The machine may lie about it, and keeps the node's key: the person is shown the page in the end all the same. */
async function leaveTheTailnet(run: IncidentRun, instance: Instance): Promise<void> {
  if (instance.tailnet === null) return;
  run.setFact('tailnet', instance.tailnet.host);
  const { leaveTailnet } = await import('./tailnet.ts');
  const hasLeft = await leaveTailnet(run.context, instance, 5_000);
  run.said(
    hasLeft
      ? `it says that it has left your tailnet, where it was ${instance.tailnet.host}`
      : `it did not leave your tailnet, where it is ${instance.tailnet.host}`,
  );
  run.todo(`remove ${instance.tailnet.host}, if it is there: ${tailnetPage}`);
}
