import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { SpuffError } from '../domain/errors.ts';
import { openIncidentStore } from '../state/incident-files.ts';
import type { AppContext } from './context.ts';
import { beginIncident, type IncidentPorts, type IncidentStep, runIncident } from './run-incident.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-incident-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const context = {
  signal: new AbortController().signal,
  runtime: { now: () => Date.UTC(2026, 10, 28) },
} as AppContext;
const portsOf = () =>
  ({
    store: openIncidentStore(join(directory, 'incidents')),
    onLine: () => undefined,
    onStep: () => undefined,
  }) as unknown as IncidentPorts;
const step = (name: string, run: IncidentStep['run']): IncidentStep => ({ name, title: name, run });

describe('a playbook', () => {
  it('goes on after a failure, stops where it waits, and repeats all but what is done', async ({
    expect,
  }) => {
    const ports = portsOf();
    const ran: string[] = [];
    let isFixed = false;
    const steps = [
      step('one', async ({ said }) => {
        ran.push('one');
        said('a line\nof \u001b[31ma remote');
        return 'done';
      }),
      step('two', async () => {
        ran.push('two');
        if (!isFixed) throw new SpuffError('provider', 'it broke', { hints: ['mend it'] });
        return 'done';
      }),
      step('three', async () => (isFixed ? 'done' : 'waiting')),
      step('four', async () => {
        ran.push('four');
        return 'done';
      }),
    ];
    const begun = beginIncident('vm', 'demo', context.runtime.now());
    const first = await runIncident(context, ports, begun, steps);
    expect(first.incident.steps.map(({ state }) => state)).toEqual(['done', 'failed', 'waiting']);
    expect(first.incident.endedAt).toBeNull();
    expect(JSON.stringify(first.incident)).not.toContain('\\u001b[');
    isFixed = true;
    const second = await runIncident(context, ports, ports.store.load(begun.id), steps);
    expect(ran).toEqual(['one', 'two', 'two', 'four']);
    expect(second.incident.endedAt).not.toBeNull();
    expect(ports.store.list()).toEqual([second.incident]);
  });

  it('is on the disk as begun when its process dies in a step', async ({ expect }) => {
    const ports = portsOf();
    const begun = beginIncident('ssh-key', 'SHA256:a', context.runtime.now());
    const die = step('one', async ({ setFact }) => {
      setFact('seen', 'yes');
      throw new TypeError('killed');
    });
    await expect(runIncident(context, ports, begun, [die])).rejects.toThrow('killed');
    expect(ports.store.load(begun.id)).toMatchObject({ facts: { seen: 'yes' }, steps: [{ state: 'begun' }] });
  });

  it('is not read from outside of its directory', ({ expect }) => {
    expect(() => portsOf().store.load('../config')).toThrow('there is no incident');
  });
});
