import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { GuardQuestion } from '../../domain/guard.ts';
import { askPerson, chooseDialog, describeQuestion } from './ask-person.ts';

const question: GuardQuestion = {
  instanceName: 'demo',
  timeoutMs: 2_000,
  request: {
    kind: 'login',
    keyFingerprint: 'SHA256:key',
    destination: 'github.com',
    hostFingerprint: 'SHA256:host',
    hostKey: null,
    user: 'git',
  },
};

describe('chooseDialog', () => {
  const program = '/usr/bin/ssh-askpass';
  it.each([
    ['the terminal first', { SSH_ASKPASS: program, DISPLAY: ':0' }, true, null],
    ['a dialog where there is no terminal', { SSH_ASKPASS: program, DISPLAY: ':0' }, false, program],
    ['a dialog on Wayland', { SSH_ASKPASS: program, WAYLAND_DISPLAY: 'w' }, false, program],
    ['nothing without a display', { SSH_ASKPASS: program }, false, null],
    [
      'the dialog where it is preferred',
      { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'prefer' },
      true,
      program,
    ],
    ['the dialog where it is forced', { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force' }, false, program],
    [
      'no dialog where that is forbidden',
      { SSH_ASKPASS: program, DISPLAY: ':0', SSH_ASKPASS_REQUIRE: 'never' },
      false,
      null,
    ],
    ['no dialog without a program', { DISPLAY: ':0', SSH_ASKPASS_REQUIRE: 'force' }, false, null],
  ])('takes %s', (_, env, hasTerminal, expected) => {
    expect(chooseDialog(env, hasTerminal)).toBe(expected);
  });
});

describe('describeQuestion', () => {
  it('names the machine, the host, the user and the key', () => {
    expect(describeQuestion(question)).toBe(
      'demo asks to log in to github.com as git with your key SHA256:key',
    );
  });

  it('does not let the machine draw on the screen', () => {
    const user = 'git\r\n\x1b[2Jall is well';
    const text = describeQuestion({ ...question, request: { ...question.request, user } });
    expect(text).not.toMatch(/\p{Cc}/u);
  });
});

describe('askPerson without a terminal', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'spuff-ask-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(() => {
    delete process.env['SSH_ASKPASS'];
    delete process.env['SSH_ASKPASS_REQUIRE'];
  });

  const dialogOf = (script: string) => {
    const path = join(folder, 'ask');
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    process.env['SSH_ASKPASS'] = path;
    process.env['SSH_ASKPASS_REQUIRE'] = 'force';
  };

  it('takes the status of the dialog, which gets the question and is told that it is one', async () => {
    dialogOf(`printf '%s|%s' "$SSH_ASKPASS_PROMPT" "$1" > '${folder}/said'; exit 0`);
    expect(await askPerson(question, null)).toBe(true);
    expect(readFileSync(join(folder, 'said'), 'utf8')).toBe(`confirm|${describeQuestion(question)}?`);
    dialogOf('exit 1');
    expect(await askPerson(question, null)).toBe(false);
  });

  it('takes no answer for a no, and leaves no dialog behind', async () => {
    dialogOf('exec sleep 60');
    expect(await askPerson({ ...question, timeoutMs: 200 }, null)).toBe(false);
  });

  it('is a no where nobody can be asked', async () => {
    expect(await askPerson(question, null)).toBe(false);
  });
});
