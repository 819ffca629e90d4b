import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCloudInit } from './cloud-init.ts';
import { machinePaths } from './machine-paths.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-ci-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = () => readCloudInit({ ...machinePaths, cloudInitRun: folder });
const write = (name: string, value: unknown) =>
  writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value));

const ended = { errors: [], start: 1_800_000_001.5, finished: 1_800_000_002.25 };
const status = (over: object = {}) => ({
  v1: {
    datasource: 'DataSourceNoCloud [seed=/x]',
    stage: null,
    'init-local': ended,
    init: ended,
    'modules-config': ended,
    'modules-final': ended,
    ...over,
  },
});

describe('the state of cloud-init', () => {
  it('is told from what is there before it has begun', () => {
    expect(read().status).toBe('absent');
    write('enabled', '');
    expect(read().status).toBe('not-started');
    write('disabled', '');
    expect(read().status).toBe('disabled');
  });

  it('names the stage while it runs', () => {
    write(
      'status.json',
      status({ stage: 'modules-config', 'modules-final': { errors: [], start: null, finished: null } }),
    );
    expect(read()).toMatchObject({ status: 'running', stage: 'modules-config', finishedAt: null });
  });

  it('is done when the result is there', () => {
    write('status.json', status());
    write('result.json', { v1: { errors: [] } });
    expect(read()).toEqual({
      status: 'done',
      stage: null,
      datasource: 'DataSourceNoCloud [seed=/x]',
      startedAt: '2027-01-15T08:00:01.500Z',
      finishedAt: '2027-01-15T08:00:02.250Z',
      errors: [],
      recoverableErrors: [],
    });
  });

  it('tells what failed from what it got over, and escapes both', () => {
    write(
      'status.json',
      status({ init: { ...ended, recoverable_errors: { WARNING: ['bad \u001b[31mkey'] } } }),
    );
    write('result.json', {});
    expect(read()).toMatchObject({ status: 'degraded', recoverableErrors: ['WARNING: bad \\x1b[31mkey'] });
    write('status.json', status({ init: { ...ended, errors: ['failed \u0007'] } }));
    expect(read()).toMatchObject({ status: 'error', errors: ['failed \\x07'] });
  });

  it('gets over a file that is being written, and one of another shape', () => {
    for (const text of [
      '',
      '{"v1": {"sta',
      '[]',
      '{"v1": 5}',
      '{"v1": {"init": {"errors": "x", "start": "y"}}}',
    ]) {
      write('status.json', text);
      expect(read()).toMatchObject({ status: 'running', errors: [], startedAt: null });
    }
  });
});
