import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorResponse, execResponse } from '../protocol/response-schemas.ts';
import { startTestAgent, type TestAgent } from './start-test-agent.ts';

let test: TestAgent;
beforeAll(async () => {
  test = await startTestAgent();
});
afterAll(() => test.stop());

/** What a shell, a printf or a C string would stumble over. */
const hostile = [
  "'",
  '"',
  '\n',
  '$HOME',
  '`id`',
  '$(id)',
  ';',
  '\\',
  '%s',
  ' ',
  '*',
  '~',
  '-',
  'é',
  '\u202e',
];
const name = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    fc.array(fc.constantFrom(...hostile, 'a'), { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
  )
  .map((text) => text.toWellFormed());
const isPath = (text: string) => !/[/\0]/.test(text) && text !== '.' && text !== '..';

const exec = (cwd: string) => test.call('POST', '/exec', { body: { argv: ['/bin/pwd', '-P'], cwd } });

describe('the folder of a command', () => {
  it('is the one that was named, whatever its name', async () => {
    await fc.assert(
      fc.asyncProperty(name.filter(isPath), async (folderName) => {
        const folder = join(test.folder, 'work', folderName);
        mkdirSync(folder, { recursive: true });
        try {
          const { status, text } = await exec(folder);
          expect(status, text).toBe(200);
          const { outcome, exitCode, stdout } = execResponse.parse(JSON.parse(text));
          expect({ outcome, exitCode, stdout }).toEqual({
            outcome: 'exited',
            exitCode: 0,
            stdout: { text: `${folder}\n`, encoding: 'utf8' },
          });
        } finally {
          rmSync(folder, { recursive: true });
        }
      }),
      { numRuns: 40, examples: hostile.map((text) => [text]) },
    );
  });

  it('is refused when there is none, without a word of its own', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          name,
          name.map((text) => `${text}\0x`),
        ),
        async (folderName) => {
          const { status, text } = await exec(`/missing-${folderName}`);
          expect(status).toBe(400);
          const { code, message } = errorResponse.parse(JSON.parse(text)).error;
          expect(code).toBe('bad-request');
          expect(message).toBe(
            folderName.includes('\0')
              ? 'cwd: a NUL character can not be passed to a program'
              : 'the working directory does not exist, or is closed to the user',
          );
        },
      ),
      { numRuns: 40, examples: hostile.map((text) => [text]) },
    );
  });
});
