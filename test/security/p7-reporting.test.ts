import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

// P7: whoever finds a hole knows where to go with it, what to write, and when to expect an answer.
it('SECURITY.md names a private channel, what to include and when an answer comes', () => {
  const policy = readFileSync(join(import.meta.dirname, '..', '..', 'SECURITY.md'), 'utf8');
  expect(policy).toContain('do not open a public issue');
  expect(policy).toContain('security@avelino.run');
  for (const part of ['what is wrong', 'how to reproduce it', 'what an attacker gains'])
    expect(policy).toContain(part);
  expect(policy).toMatch(/within 48\s+hours/);
  for (const heading of ['## Supported versions', '## Scope']) expect(policy).toContain(heading);
});
