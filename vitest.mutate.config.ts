import { defineConfig } from 'vitest/config';

// The unit tests alone: what only the long ones notice, or only other programs, has no test that says what the rule is.
export default defineConfig({
  test: {
    include: [
      'src/ssh/guard/{agent-frames,agent-messages,decide-bind,decide-commit,decide-login}.test.ts',
      'src/ssh/guard/{signed-data,verify-signature}.test.ts',
    ],
    testTimeout: 20_000,
  },
});
