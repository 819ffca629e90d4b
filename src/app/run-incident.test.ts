import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { fakeIncidentPorts } from '../../test/fakes/incident-ports.ts';
import { SpuffError } from '../domain/errors.ts';
import type { AppContext } from './context.ts';
import { beginIncident, type IncidentStep, runIncident } from './run-incident.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-incident-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const context = {
  signal: new AbortController().signal,
  runtime: { now: () => Date.UTC(2026, 10, 28) },
} as AppContext;
const portsOf = (without: readonly string[] = []) =>
  fakeIncidentPorts(directory, { goesWithout: (name) => without.includes(name) });
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

  it('does nothing that needs a step which failed, until that is done or given up', async ({ expect }) => {
    const needy = () => {
      const [ran, trouble] = [[] as string[], { isThere: true }];
      const look = step('look', async () => {
        ran.push('look');
        if (trouble.isThere) throw new SpuffError('state', 'the log is broken');
        return 'done';
      });
      const end: IncidentStep = {
        ...step('end', async () => {
          ran.push('end');
          return 'done';
        }),
        needs: ['look'],
      };
      return { ran, trouble, steps: [look, end], begun: beginIncident('vm', 'demo', context.runtime.now()) };
    };
    const mended = needy();
    const first = await runIncident(context, portsOf(), mended.begun, mended.steps);
    expect(first.incident.steps.map(({ state }) => state)).toEqual(['failed', 'waiting']);
    expect(first.incident.steps[1]?.todo.join()).toContain(`--resume ${mended.begun.id} --without look`);
    expect(mended.ran).toEqual(['look']);
    mended.trouble.isThere = false;
    const second = await runIncident(context, portsOf(), first.incident, mended.steps);
    expect(second.incident.steps.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(mended.ran).toEqual(['look', 'look', 'end']);

    const givenUp = needy();
    const { incident } = await runIncident(context, portsOf(['look']), givenUp.begun, givenUp.steps);
    expect(incident.steps.map(({ state }) => state)).toEqual(['left', 'done']);
    expect(incident.steps[0]?.said.join()).toContain('you said to go on without it');
    expect(incident.endedAt).toBeNull();
  });

  it('is gone through by one at a time, who knows what the one before has done', async ({ expect }) => {
    const ports = portsOf();
    const begun = beginIncident('vm', 'demo', context.runtime.now());
    let count = 0;
    const outer = step('one', async () => {
      count += 1;
      await expect(runIncident(context, portsOf(), begun, [outer])).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(begun.id),
      });
      return 'done';
    });
    await runIncident(context, ports, begun, [outer]);
    // It has read the incident before the first one began.
    await runIncident(context, ports, begun, [outer]);
    expect(count).toBe(1);
  });

  it('is not read from outside of its directory', ({ expect }) => {
    expect(() => portsOf().store.load('../config')).toThrow('there is no incident');
  });
});
