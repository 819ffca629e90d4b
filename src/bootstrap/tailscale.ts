/** How a machine gets into a tailnet: fixed programs for root on it, and what their answers mean. */
import { isIP } from 'node:net';

/** Of the key that signs Tailscale's packages. @see https://tailscale.com/kb/1485/install-clients */
export const tailscaleKeyFingerprint = '2596A99EAAB33821893C0A79458CA832957F5868';

/*
 * The maker's own repository, and no script of theirs: the key counts only if it is the pinned one and the only one in its
 * file, and only for this repository.
 */
const installScript = `
set -eu
command -v tailscale >/dev/null 2>&1 && exit 0
fingerprint=$1
. /etc/os-release
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
get() { apt-get --quiet -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >&2; }
command -v gpg >/dev/null 2>&1 && command -v curl >/dev/null 2>&1 || { get update; get install --yes --no-install-recommends ca-certificates curl gpg; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
base="https://pkgs.tailscale.com/stable/$ID"
curl --fail --silent --show-error --proto =https --tlsv1.2 --connect-timeout 30 --max-time 120 --retry 3 \\
  --output "$work/key.gpg" -- "$base/$VERSION_CODENAME.noarmor.gpg"
found=$(gpg --homedir "$work" --batch --show-keys --with-colons "$work/key.gpg" | awk -F: '$1 == "pub" { next_is = 1 } $1 == "fpr" && next_is { print $10; next_is = 0 }')
if [ "$found" != "$fingerprint" ]; then
  echo "the key of $base is $found, and not $fingerprint: nothing was installed" >&2
  exit 1
fi
install -m 0644 "$work/key.gpg" /usr/share/keyrings/tailscale-archive-keyring.gpg
printf 'deb [signed-by=/usr/share/keyrings/tailscale-archive-keyring.gpg] %s %s main\\n' "$base" "$VERSION_CODENAME" > /etc/apt/sources.list.d/tailscale.list
get update
get install --yes --no-install-recommends tailscale
systemctl enable --now tailscaled >&2
`;

/*
 * The key comes by standard input, and is in a file of root's in memory for as long as the program reads it: an argument or
 * a variable would show it to others. tailscale(8): a value that begins with file: is a path.
 */
const joinScript = `
set -eu
umask 077
key=$(mktemp /run/spuff-tailnet.XXXXXX)
trap 'rm -f "$key"' EXIT
trap 'exit 1' HUP INT TERM
cat > "$key"
tailscale up --reset --auth-key="file:$key" --timeout=60s --ssh=false --accept-routes=false "$@" >&2
tailscale status --json --peers=false
`;

export function buildTailscaleInstall(): readonly string[] {
  return ['sudo', '-n', 'sh', '-c', installScript, 'spuff', tailscaleKeyFingerprint];
}

/** Reads an auth key from standard input, and prints the status as JSON. */
export function buildTailnetJoin(request: {
  hostname: string;
  tags: readonly string[] | null;
}): readonly string[] {
  const tags = request.tags === null ? [] : [`--advertise-tags=${request.tags.join(',')}`];
  return ['sudo', '-n', 'sh', '-c', joinScript, 'spuff', `--hostname=${request.hostname}`, ...tags];
}

/** An ephemeral node is gone from the tailnet with this, and else some time after it was last seen. */
export const tailnetLeave: readonly string[] = ['sudo', '-n', 'tailscale', 'logout'];

export interface TailnetStatus {
  /** The first address of the node. */
  host: string;
  tags: readonly string[];
}

/**
 * What `tailscale status --json` says of the node itself (`ipnstate.Status` of its source). The machine says it, so that nothing
 * but an address of a tailnet is believed: 100.64.0.0/10 (RFC 6598) or fd7a:115c:a1e0::/48.
 * @returns why not, when it is in no tailnet
 */
export function readTailnetStatus(output: string): TailnetStatus | { reason: string } {
  const status = parseObject(output.slice(output.indexOf('{')));
  const self = toObject(status?.['Self']);
  const state = status?.['BackendState'];
  if (status === null || typeof state !== 'string') return { reason: 'it did not say in which state it is' };
  if (state !== 'Running') return { reason: `its state is ${state.slice(0, 40)}` };
  const addresses = [status['TailscaleIPs'], self?.['TailscaleIPs']].flat().filter(isTailnetAddress);
  const host = addresses.find((one) => !one.includes(':')) ?? addresses[0];
  if (host === undefined) return { reason: 'it has no address in a tailnet' };
  const tags = [self?.['Tags'] ?? []].flat().filter((tag) => typeof tag === 'string');
  return { host, tags };
}

function isTailnetAddress(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const [, second] = /^100\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(value) ?? [];
  if (second !== undefined) return Number(second) >= 64 && Number(second) <= 127 && isIP(value) !== 0;
  return /^fd7a:115c:a1e0:[0-9a-f:]{1,32}$/.test(value) && isIP(value) !== 0;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    return toObject(JSON.parse(text));
  } catch {
    return null;
  }
}

function toObject(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
