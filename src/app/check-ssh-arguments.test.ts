import { describe, expect, it } from 'vitest';
import { SpuffError } from '../domain/errors.ts';
import { checkSshArguments } from './check-ssh-arguments.ts';

describe('what goes to ssh', () => {
  it.each([
    [[], [], []],
    [['-L', '8080:localhost:8080'], ['-L', '8080:localhost:8080'], []],
    [['-L8080:localhost:8080', '-vN'], ['-L8080:localhost:8080', '-vN'], []],
    [['-ND', '1080'], ['-ND', '1080'], []],
    [['-o', 'Compression=yes', '-C'], ['-o', 'Compression=yes', '-C'], []],
    [['-oSetEnv LANG=C', 'ls'], ['-oSetEnv LANG=C'], ['ls']],
    [['ls', '-la', '-A'], [], ['ls', '-la', '-A']],
    [['-t', '--', '-odd'], ['-t'], ['-odd']],
    [['-T', '-'], ['-T'], ['-']],
  ])('takes %j', (words, options, command) => {
    expect(checkSshArguments(words)).toEqual({ options, command });
  });

  it.each([
    [['-A']],
    [['-vA']],
    [['-o', 'StrictHostKeyChecking=no']],
    [['-oStrictHostKeyChecking=no']],
    [['-o', 'stricthostkeychecking no']],
    [['-o', ' ProxyCommand=sh -c id']],
    [['-voProxyCommand=id']],
    [['-o', 'Compression=yes\nProxyCommand=id']],
    [['-o', 'LocalCommand=id']],
    [['-o', 'ForwardAgent=yes']],
    [['-o', 'UserKnownHostsFile=/dev/null']],
    [['-o', 'Include=/tmp/x']],
    [['-o', '']],
    [['-F', '/dev/null']],
    [['-J', 'jump']],
    [['-R', '80:localhost:80']],
    [['-W', 'host:22']],
    [['-E', '/tmp/log']],
    [['-i', 'key']],
    [['-p', '22']],
    [['-S', 'none']],
    [['-l', 'root']],
    [['-X']],
    [['-f']],
    [['-L']],
    [['--help']],
  ])('refuses %j', (words) => {
    expect(() => checkSshArguments(words)).toThrow(SpuffError);
  });
});
