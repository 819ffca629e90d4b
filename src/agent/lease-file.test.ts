import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLeaseFile } from './lease-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-life-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bootSeconds = 1_800_000_000;

const startLease = () =>
  createLeaseFile(
    {
      config: join(folder, 'agent.json'),
      boundTo: join(folder, 'bound-to'),
      instanceId: join(folder, 'instance-id'),
      copy: join(folder, 'lease'),
    },
    () => bootSeconds * 1_000,
  );

describe('the lease file', () => {
  const file = () => join(folder, 'agent.json');
  const none = { user: 'dev', deadline: null, idleTimeoutSeconds: null };
  const write = (value: object) => writeFileSync(file(), JSON.stringify(value));
  const damages: [string, () => void][] = [
    ['cut short', () => writeFileSync(file(), '{"user":"dev","dead')],
    ['emptied', () => writeFileSync(file(), '')],
    ['another value', () => writeFileSync(file(), '[]')],
    ['null', () => writeFileSync(file(), 'null')],
    ['a word', () => writeFileSync(file(), '{"user":"dev","deadline":"soon","idleTimeoutSeconds":null}')],
    ['missing', () => rmSync(file())],
    [
      'a folder',
      () => {
        rmSync(file());
        mkdirSync(file());
      },
    ],
  ];

  it.each(damages)(
    'that is %s leaves the last lease in force, over restarts too, and says so',
    (_how, damage) => {
      const lease = { user: 'dev', deadline: bootSeconds + 600, idleTimeoutSeconds: 60 };
      write(lease);
      const running = startLease();
      expect(running.read()).toEqual({ config: lease, problem: null });
      damage();
      for (const reader of [running, startLease(), startLease()]) {
        const { config, problem } = reader.read();
        expect(config).toEqual(lease);
        expect(problem).toMatch(/agent\.json is (missing|damaged).*: the lease that was last known goes on$/);
      }
      rmSync(file(), { recursive: true, force: true });
      write({ ...lease, deadline: null });
      expect(running.read()).toEqual({ config: { ...lease, deadline: null }, problem: null });
    },
  );

  it.each(damages)(
    'that is %s with no copy of it is not taken for a lease without an end',
    (_how, damage) => {
      for (const copy of [null, '', '{"user":"dev","deadline":null,"idleTimeoutSeconds":null}\n']) {
        writeFileSync(file(), '{}');
        damage();
        if (copy !== null) writeFileSync(join(folder, 'lease'), copy);
        const { config, problem } = startLease().read();
        expect(config).toMatchObject({ deadline: bootSeconds + 86_400, idleTimeoutSeconds: 7_200 });
        expect(problem).toContain('no other lease is known: this machine powers off 24 hours after');
        rmSync(file(), { recursive: true, force: true });
      }
    },
  );

  it('says when it can keep no copy, until it can', () => {
    write(none);
    mkdirSync(join(folder, 'lease'));
    const lease = startLease();
    expect(lease.read().problem).toContain('no copy of the lease can be kept');
    rmSync(join(folder, 'lease'), { recursive: true });
    expect(lease.read().problem).toBeNull();
  });

  it('does not take the lease of the machine that this one was cloned from, nor its copy', () => {
    writeFileSync(join(folder, 'bound-to'), 'first\n');
    writeFileSync(join(folder, 'instance-id'), 'first\n');
    write({ ...none, deadline: 1 });
    const running = startLease();
    expect(running.read().config.deadline).toBe(1);
    writeFileSync(join(folder, 'instance-id'), 'the second\n');
    const nothing = { config: none, problem: expect.stringContaining('cloned') };
    expect(running.read()).toEqual(nothing);
    rmSync(file());
    rmSync(join(folder, 'bound-to'));
    expect(startLease().read()).toEqual(nothing);
  });
});
