import { describe, it } from 'vitest';
import {
  parseNetwork as parseCounters,
  parseLoad,
  parseMemory,
  parseMounts,
  parseProcessStat,
  parseStat,
  parseUsers,
} from '../../src/agent/proc-files.ts';
import { readAuthorizedKeys } from '../../src/bootstrap/authorized-keys.ts';
import { renderKnownHosts } from '../../src/bootstrap/known-hosts.ts';
import { buildUserData, type UserDataInput } from '../../src/bootstrap/user-data.ts';
import { parseAgentConfig } from '../../src/domain/agent-config.ts';
import { formatDuration, parseDurationMs } from '../../src/domain/duration.ts';
import { fillTemplate, parseEnvTemplate } from '../../src/domain/env-template.ts';
import { SpuffError } from '../../src/domain/errors.ts';
import { folderOfGitUrl, toGitUrl } from '../../src/domain/git-url.ts';
import { formatMoney, parseMoneyLimit } from '../../src/domain/money.ts';
import { parsePortWish } from '../../src/domain/port-wish.ts';
import { readSummary, readTrailer } from '../../src/domain/read-rescue.ts';
import { escapeText } from '../../src/lib/escape.ts';
import { readFingerprint, readHostKey, readHostName, readLoginUser } from '../../src/lib/guard-values.ts';
import { parseNetwork } from '../../src/lib/network-address.ts';
import { findWeakness, parsePublicKey } from '../../src/lib/public-key.ts';
import { splitWords } from '../../src/lib/split-words.ts';
import { createFrameReader, FrameError } from '../../src/ssh/guard/agent-frames.ts';
import {
  parseExtension,
  parseIdentitiesAnswer,
  parseSignRequest,
} from '../../src/ssh/guard/agent-messages.ts';
import { parseSignedData } from '../../src/ssh/guard/signed-data.ts';
import { verifyHostSignature } from '../../src/ssh/guard/verify-signature.ts';
import { makeHostKey } from '../../src/ssh/host-key.ts';
import { buildLine, genesis } from '../../src/state/audit-line.ts';
import { verifyChain } from '../../src/state/audit-verify.ts';
import { sampleRequest } from '../fakes/sample-audit.ts';
import { mutateJson } from './mutate.ts';
import { type FuzzTarget, fuzz } from './run-fuzz.ts';
import { jsonTarget, orRefuse, textTarget } from './targets.ts';

const hostKey = makeHostKey('fuzz');
const head = buildLine(sampleRequest('/1'), genesis, { nowMs: 0, pid: 1 }).head;

function readMessages(input: Buffer): void {
  for (const body of createFrameReader().push(input)) {
    parseIdentitiesAnswer(body);
    const sign = parseSignRequest(body);
    if (sign) parseSignedData(sign.data);
    const extension = parseExtension(body);
    if (extension?.kind === 'session-bind' && extension.bind) {
      const { hostKey, sessionId, signature } = extension.bind;
      verifyHostSignature(hostKey, sessionId, signature);
    }
  }
}

function readMachineFiles(text: string): void {
  for (const parse of [parseStat, parseLoad, parseMemory, parseCounters, parseMounts, parseUsers])
    parse(text);
  orRefuse(parseProcessStat(text));
}

const targets: readonly FuzzTarget[] = [
  textTarget('duration', (one) => formatDuration(parseDurationMs(one, 'it'))),
  textTarget('money', (one) => {
    const limit = parseMoneyLimit(one);
    orRefuse(limit);
    if (limit) formatMoney({ ...limit, basis: 'net' });
  }),
  textTarget('env-template', (one) => fillTemplate(parseEnvTemplate(one), { NAME: 'x' })),
  textTarget('port', parsePortWish),
  textTarget('git-url', (one) => folderOfGitUrl(toGitUrl(one))),
  textTarget('network', (one) => orRefuse(parseNetwork(one))),
  textTarget('words', splitWords),
  textTarget('public-key', (one) => {
    const key = parsePublicKey(one);
    readHostKey(one);
    orRefuse(key);
    if (key) findWeakness(key);
  }),
  textTarget('known-hosts', (one) => {
    for (const read of [readAuthorizedKeys, readHostName, readLoginUser, readFingerprint, escapeText])
      read(one);
    // Of lines that were read, none must be of another form when it is written.
    const key = readHostKey(one.replace(/^\S+ /, ''));
    orRefuse(key);
    if (key) renderKnownHosts([`git.example.com ${key.line}`]);
  }),
  { name: 'ssh-agent', parse: readMessages, isForeseen: (error) => error instanceof FrameError },
  {
    name: 'log',
    parse: (bytes) =>
      verifyChain({
        segments: [{ name: 'a', bytes }],
        known: { head, base: genesis },
        newestSeq: () => 1,
        fromHash: null,
      }),
  },
  jsonTarget('agent-config', (one) => orRefuse(parseAgentConfig(one))),
  jsonTarget('rescue-summary', (one) => orRefuse(readSummary(one) ?? readTrailer(one))),
  textTarget('proc', readMachineFiles),
];

describe('texts and bytes', () => {
  for (const target of targets) {
    it(`${target.name} is read or refused, whatever it says`, async ({ expect }) => {
      const { failures, taken } = await fuzz(target);
      expect(failures).toEqual([]);
      expect(taken).toBeGreaterThan(0);
    });
  }

  it('user-data is refused, or JSON that says what it was made of', async ({ expect }) => {
    const parse = (input: Buffer) => {
      const wanted = JSON.parse(input.toString('utf8')) as Record<
        'user' | 'hostName' | 'key' | 'agentTokenSha256',
        unknown
      > & { sshPublicKeys: unknown };
      const word = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value ?? null));
      const given: UserDataInput = {
        ...{ user: word(wanted?.user), hostName: word(wanted?.hostName), key: word(wanted?.key) },
        ...{
          agentTokenSha256: word(wanted?.agentTokenSha256),
          injectedHostKey: hostKey,
          maxUserDataBytes: 32_768,
        },
        sshPublicKeys: Array.isArray(wanted?.sshPublicKeys) ? wanted.sshPublicKeys.map(word) : [],
      };
      const document = buildUserData(given);
      const said = JSON.parse(document.slice(document.indexOf('\n'))) as {
        hostname: string;
        users: { name: string }[];
      };
      if (said.hostname !== given.hostName || said.users.length !== 1 || said.users[0]?.name !== given.user)
        throw new Error('the document says something else than what was asked for');
    };
    const mutate: FuzzTarget['mutate'] = (input, random) => {
      const made = mutateJson(input, random);
      try {
        JSON.parse(made.toString('utf8'));
        return made;
      } catch {
        return Buffer.from(JSON.stringify({ user: made.toString('utf8') }));
      }
    };
    // Its own parts are malformed only by a bug elsewhere: then it says `internal`.
    const isForeseen = (error: unknown) => error instanceof SpuffError;
    const { failures, taken } = await fuzz({ name: 'user-data', parse, mutate, isForeseen });
    expect(failures).toEqual([]);
    expect(taken).toBeGreaterThan(0);
  });
});
