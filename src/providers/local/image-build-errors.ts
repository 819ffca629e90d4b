import { SpuffError } from '../../domain/errors.ts';
import { ProviderError } from '../../domain/provider-error.ts';

const op = 'images.build';

const bringOver =
  'there: spuff image build && docker save spuff-base:debian-12 > spuff-base.tar; here: docker load < spuff-base.tar';

/** `unsupported`: not a Linux computer; `unavailable`: a package is missing. */
export function missingBuilder(code: 'unsupported' | 'unavailable'): SpuffError {
  if (code === 'unavailable') {
    return new SpuffError(code, 'mmdebstrap, which makes the base image, is not installed', {
      hints: [
        'sudo apt-get install mmdebstrap debian-archive-keyring',
        'or bring an image over from a computer that has it',
        bringOver,
      ],
    });
  }
  return new SpuffError(
    code,
    'the base image is made from Debian packages, which takes a Debian or Ubuntu computer',
    {
      hints: ['build it on one, then bring it over', bringOver],
    },
  );
}

interface Diagnosis {
  pattern: RegExp;
  message: string;
  hints: readonly string[];
  retryable: boolean;
}

const diagnoses: readonly Diagnosis[] = [
  {
    pattern: /no space left on device|disk quota exceeded|not have enough free space/i,
    message: 'the disk is full',
    hints: [
      'the build takes about 1 GB below /var/tmp and the cache 150 MB below SPUFF_HOME: free some space, then run it again',
    ],
    retryable: false,
  },
  {
    pattern:
      /could not resolve|temporary failure resolving|could not connect|connection (?:timed out|refused)|network is unreachable/i,
    message: "Debian's package archive can't be reached",
    hints: ['check the network, and http_proxy where there is one: curl -I http://deb.debian.org/debian/'],
    retryable: true,
  },
  {
    pattern: /NO_PUBKEY|not signed|no valid signature|couldn't be verified/i,
    message: "the signature of Debian's package archive can't be verified",
    hints: ['install its keys: sudo apt-get install debian-archive-keyring'],
    retryable: false,
  },
  {
    pattern: /unshare|subuid|newuidmap|user namespace|operation not permitted/i,
    message: 'this user may not build in a user namespace',
    hints: [
      'sudo apt-get install uidmap, and a range for this user in /etc/subuid and /etc/subgid',
      'or bring an image over from a computer where one can be built',
      bringOver,
    ],
    retryable: false,
  },
];

/** Names the likely cause of a failed build from the last lines it printed, which are already safe to print. */
export function buildFailure(exitCode: number, lines: readonly string[]): ProviderError {
  const text = lines.join('\n');
  const found = diagnoses.find(({ pattern }) => pattern.test(text));
  const last = lines.filter((line) => /^(?:E|W|Err|error|dpkg):?/i.test(line)).slice(-3);
  return new ProviderError(
    'action-failed',
    found
      ? `the base image can't be built: ${found.message}`
      : `mmdebstrap failed with exit status ${exitCode}`,
    {
      provider: 'local',
      op,
      retryable: found?.retryable ?? false,
      rawCode: String(exitCode),
      hints: [...(found?.hints ?? []), ...last.map((line) => `it said: ${line.slice(0, 300)}`)],
    },
  );
}
