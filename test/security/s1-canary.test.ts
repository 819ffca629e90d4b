import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

// S1: a token in the environment reaches no file at home, no log, no report and no child.

const writer = join(import.meta.dirname, '../fakes/home-writer.ts');
const marker = '0123456789abcdef';
const canary = `dop_${'v1'}_${marker.repeat(4)}`;
/** What no shape gives away: only its being a Secret, and the name of its variable. */
const shapeless = 'plain canary without a shape';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-s1-'));
});
afterEach(() => rmSync(home, { recursive: true }));

async function writeEverything(token: string): Promise<string> {
  const child = spawn(process.execPath, [writer, '022'], {
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      SPUFF_HOME: join(home, 'spuff'),
      SPUFF_API_TOKEN: token,
      DIGITALOCEAN_TOKEN: token,
      hcloud_token: token,
      AWS_SECRET_ACCESS_KEY: token,
      COPY_UNDER_ANOTHER_NAME: `x${token}x`,
      HARMLESS: 'kept',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const output = await readLine(child.stdout);
  expect(grep(home, token)).toEqual([]);
  child.stdin.end();
  await once(child, 'close');
  return output;
}

/** The one line that the writer prints when all is written. */
async function readLine(stream: Readable): Promise<string> {
  for await (const chunk of stream.setEncoding('utf8').iterator({ destroyOnReturn: false }))
    return String(chunk);
  throw new Error('the writer ended before it had written everything');
}

function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

function grep(directory: string, text: string): string[] {
  const forms = [text, Buffer.from(text).toString('base64').slice(0, -4), encodeURIComponent(text)];
  return filesUnder(directory).filter((path) => forms.some((form) => readFileSync(path).includes(form)));
}

describe.each([canary, shapeless])('the token %j', (token) => {
  it('is in no file, no log, no report, and in no environment or argument of a child', async () => {
    const output = await writeEverything(token);
    expect(output).not.toContain(token);
    expect(grep(home, token)).toEqual([]);
    expect(grep(home, token.slice(10, 26))).toEqual([]);

    // The search would find it: all these were written, and the child did get an environment.
    const names = filesUnder(home).map((path) => path.slice(home.length + 1));
    for (const part of ['config.yaml', 'state.db', 'log/spuff.log', 'log/spuff.log.1', 'reports/']) {
      expect(names.some((name) => name.includes(part))).toBe(true);
    }
    expect(output).toContain('kept');
    expect(readFileSync(join(home, 'spuff/log/spuff.log'), 'utf8')).toContain('[redacted]');
  });
});
