import { describe, expect, it } from 'vitest';
import { runProcess } from '../lib/process.ts';
import { forwardedAgentPath, forwardedAgentScript, sshrcLine } from './forwarded-agent.ts';
import { sshdDropIn } from './hardening-ssh.ts';

describe('the path of a lent agent', () => {
  it('is short enough for a socket of any system, and the one that sessions are given', () => {
    expect(forwardedAgentPath.length).toBeLessThan(104);
    expect(sshdDropIn('dev').match(/^SetEnv .*$/gm)).toEqual([
      `SetEnv SSH_AUTH_SOCK=${forwardedAgentPath} CARGO_NET_GIT_FETCH_WITH_CLI=true`,
    ]);
  });

  it('is seen to by a script that bash reads', async () => {
    const result = await runProcess(['bash', '-n', '-s'], { stdin: forwardedAgentScript });
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('is seen to by a line that takes nothing from a session, and gives nothing to it, even without the script', async () => {
    const result = await runProcess(['sh', '-c', `${sshrcLine}; cat`], { stdin: 'kept' });
    expect(result).toMatchObject({ exitCode: 0, stdout: 'kept', stderr: '' });
  });
});
