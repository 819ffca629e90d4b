import { it } from 'vitest';
import { readVersion } from './tool-version.ts';

it.for([
  ['2.1.332 (Claude Code)\n', '2.1.332'],
  ['codex-cli 0.171.0\n', '0.171.0'],
  ["GitHub Copilot CLI 1.0.102.\nRun 'copilot update' to check for updates.\n", '1.0.102'],
  ['v24.18.0', '24.18.0'],
  ['1.2.3-beta.4, built today', '1.2.3-beta.4'],
  ['1.2.3\u001b[31m', '1.2.3'],
  ['tool 7', null],
  ['', null],
] as const)('the version in %j is %s', ([text, version], { expect }) => {
  expect(readVersion(text)).toBe(version);
});
