/** Completion in the real shells: keys go in through a terminal, and what stands on its screen is read back. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openStateStore } from '../../src/state/state-store.ts';
import { sampleInstance } from '../fakes/sample-instance.ts';

const dist = join(import.meta.dirname, '..', '..', 'dist');

let home: string;
/** A terminal server of each test's own: one that is ending refuses new windows. */
let socket = '';
let count = 0;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-completion-'));
  mkdirSync(join(home, 'bin'));
  symlinkSync(join(dist, 'spuff'), join(home, 'bin', 'spuff'));
  mkdirSync(join(home, 'work', 'subfolder'), { recursive: true });
  writeFileSync(join(home, 'work', 'file one.txt'), '');
  const store = openStateStore({ path: join(home, '.spuff', 'state.db') });
  store.insertInstance(sampleInstance({ name: 'demo', provider: 'local' }));
  store.insertInstance(sampleInstance({ name: 'other', provider: 'local' }));
  store.close();
});

afterEach(() => void tmux(['kill-server']));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function tmux(args: readonly string[]): string {
  try {
    return execFileSync('tmux', ['-L', socket, '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    if (args[0] === 'kill-server') return '';
    throw error;
  }
}

const shells = {
  bash: {
    argv: ['bash', '--norc', '--noprofile', '-i'],
    setup: ["PS1='$ '", 'source <(spuff completion bash)'],
  },
  zsh: {
    argv: ['zsh', '-f', '-i'],
    setup: ["PS1='$ '", 'autoload -Uz compinit; compinit -u -D', 'source <(spuff completion zsh)'],
  },
  fish: {
    argv: ['fish', '--no-config', '-i'],
    setup: [
      'function fish_prompt; echo -n "\\$ "; end',
      'set fish_autosuggestion_enabled 0',
      'spuff completion fish | source',
    ],
  },
} as const;

async function startShell(name: keyof typeof shells): Promise<void> {
  socket = `spuff-completion-${process.pid}-${++count}`;
  const { argv, setup } = shells[name];
  const environment = [
    `HOME=${home}`,
    `PATH=${join(home, 'bin')}:/usr/bin:/bin`,
    'TERM=screen',
    'LANG=C.UTF-8',
  ];
  const command = ['env', '-i', '-C', join(home, 'work'), ...environment, ...argv];
  tmux(['new-session', '-d', '-x', '120', '-y', '30', ...command]);
  for (const line of setup) await enter(line);
  await enter('clear');
}

/** Types a line and waits for the prompt after it. */
async function enter(line: string): Promise<void> {
  const marker = `ready${++count}`;
  tmux(['send-keys', '-l', `${line}; echo ${marker.slice(0, 5)}''${marker.slice(5)}`]);
  tmux(['send-keys', 'Enter']);
  if (line === 'clear') await screenWith((text) => text.startsWith(marker));
  else await screenWith((text) => text.split('\n').includes(marker));
}

async function screenWith(wanted: (text: string) => boolean): Promise<string> {
  for (;;) {
    const text = tmux(['capture-pane', '-p', '-J']);
    if (wanted(text)) return text;
    await sleep(50);
  }
}

/** Types a line with tabs in it. Gives the line as it stands once the shell has worked through all of it. */
async function complete(keys: string): Promise<string> {
  // Shells take their input in order: when the end is on the screen, the completion before it is done.
  const end = `#end${++count}`;
  for (const piece of keys.split(/(\t)/))
    tmux(piece === '\t' ? ['send-keys', 'Tab'] : ['send-keys', '-l', piece]);
  tmux(['send-keys', '-l', end]);
  const text = await screenWith((screen) => screen.includes(end));
  const line = text.split('\n').findLast((one) => one.includes(end)) ?? '';
  tmux(['send-keys', 'C-c']);
  // The terminal throws away what is typed before the shell has heard of it.
  await screenWith((screen) => screen.trimEnd().split('\n').at(-1)?.trimEnd() === '$');
  return line.replace(/^\S* ?\$ /, '').replace(/#end.*$/, '');
}

describe.each(Object.keys(shells) as (keyof typeof shells)[])('in %s', (name) => {
  it('completes commands, instances, options and files', async () => {
    await startShell(name);
    expect(await complete('spuff stat\t')).toBe('spuff status ');
    expect(await complete('spuff agent exec-\t')).toBe('spuff agent exec-log ');
    expect(await complete('spuff ssh de\t')).toBe('spuff ssh demo ');
    expect(await complete('spuff down demo ot\t')).toBe('spuff down demo other ');
    expect(await complete('spuff ls --refr\t')).toBe('spuff ls --refresh ');
    expect(await complete('spuff agent processes --sort mem\t')).toBe('spuff agent processes --sort memory ');
    expect(await complete('spuff agent processes --sort=mem\t')).toBe('spuff agent processes --sort=memory ');
    expect(await complete('spuff cp de\t')).toBe('spuff cp demo:');
    expect(await complete('spuff cp subf\tx')).toBe('spuff cp subfolder/x');
    expect((await complete('spuff cp file\t')).trim()).toBe('spuff cp file\\ one.txt');
  });

  it('runs nothing that stands on the line', async () => {
    await startShell(name);
    const mark = join(home, 'touched');
    const substitution = name === 'fish' ? `(touch ${mark})` : `$(touch ${mark})`;
    await complete(`spuff up ${substitution} --no-c\t`);
    if (name !== 'fish') await complete(`spuff up \`touch ${mark}\` --no-c\t`);
    // At the end of the word itself zsh expands it, as it does for every command.
    if (name !== 'zsh') await complete(`spuff cp ${substitution}\t`);
    expect(existsSync(mark)).toBe(false);
  });
});
