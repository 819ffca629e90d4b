/**
 * What a machine runs to install a bundle, one program after the other. Pure: who runs them, as whom and where their
 * output goes is the caller's. All of them may be run again, and those that have nothing left to do end at once.
 */
import type { BundleArchive, BundlePlan } from './bundle-plan.ts';

export interface BundleStep {
  /** What it does, in a few words, for who waits. */
  title: string;
  argv: readonly string[];
  asUser: boolean;
  env: Readonly<Record<string, string>>;
  /** Whether the bundle has failed when this does. Checks say what is missing after a step that may fail. */
  required: boolean;
}

const aptEnv = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
/** First boot and unattended upgrades hold dpkg's lock too. */
const aptGet = ['apt-get', '--quiet', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0'];

/** Once before the steps of all bundles: a cloud's image comes without lists of packages. */
export const updateAptStep: BundleStep = {
  title: 'lists of packages',
  argv: [...aptGet, 'update'],
  asUser: false,
  env: aptEnv,
  required: true,
};

/** The steps to install one bundle, in the order to run them. Its checks are not among them. */
export function planBundleSteps(plan: BundlePlan): BundleStep[] {
  return [
    ...aptSteps(plan),
    ...plan.archives.map(archiveStep),
    ...plan.npmPackages.map((spec) => npmStep(spec, true)),
    ...(plan.optionalNpmPackages ?? []).map((spec) => npmStep(spec, false)),
    ...plan.commands.map(({ argv, asUser, env, required }) => ({
      title: argv.slice(0, 3).join(' '),
      argv,
      asUser,
      env,
      required,
    })),
  ];
}

export function aptInstallStep(packages: readonly string[], required = true): BundleStep {
  return {
    title: packages.length === 1 ? `package ${packages[0]}` : `${packages.length} packages`,
    argv: [...aptGet, 'install', '--yes', '--no-install-recommends', '--', ...packages],
    asUser: false,
    env: aptEnv,
    required,
  };
}

/** One at a time where they may be missing: apt installs none at all when it doesn't know one. */
function aptSteps(plan: BundlePlan): BundleStep[] {
  const formats = new Set(plan.archives.map(({ format }) => format));
  const packages = [
    ...plan.aptPackages,
    ...(formats.size > 0 ? ['ca-certificates', 'curl'] : []),
    ...(formats.has('tar.xz') ? ['xz-utils'] : []),
    ...(formats.has('zip') ? ['unzip'] : []),
  ];
  return [
    ...(packages.length > 0 ? [aptInstallStep([...new Set(packages)])] : []),
    ...(plan.optionalAptPackages ?? []).map((name) => aptInstallStep([name], false)),
  ];
}

/**
 * Fetches into a folder beside the target, so that a target is whole or not there, and links only what was checked. What
 * lies there with the same checksum stays. Arguments: URL, SHA-256, format, parts of paths to strip, target, then pairs
 * of a link's name and the path that it leads to.
 */
const archiveScript = `set -eu
umask 022
url=$1 sha256=$2 format=$3 strip=$4 target=$5
shift 5
if [ "$(cat "$target/.spuff-sha256" 2>/dev/null)" != "$sha256" ]; then
  mkdir -p "$(dirname "$target")"
  work=$(mktemp -d "$target.XXXXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  curl --fail --silent --show-error --location --proto =https --proto-redir =https --tlsv1.2 \\
    --connect-timeout 30 --speed-limit 1000 --speed-time 60 --retry 3 --output "$work/file" -- "$url"
  actual=$(sha256sum "$work/file" | cut -d ' ' -f 1)
  if [ "$actual" != "$sha256" ]; then
    echo "$url has the SHA-256 $actual, not $sha256: nothing of it was unpacked" >&2
    exit 1
  fi
  mkdir "$work/new"
  case $format in
    tar.gz|tar.xz) tar --extract --file "$work/file" --directory "$work/new" --strip-components "$strip" --no-same-owner ;;
    zip)
      mkdir "$work/zip"
      unzip -q "$work/file" -d "$work/zip"
      top=$work/zip
      while [ "$strip" -gt 0 ]; do
        top=$(find "$top" -mindepth 1 -maxdepth 1 -type d)
        strip=$((strip - 1))
      done
      find "$top" -mindepth 1 -maxdepth 1 -exec mv -t "$work/new" -- {} + ;;
    file) install -m 0755 "$work/file" "$work/new/\${url##*/}" ;;
  esac
  printf '%s\\n' "$sha256" > "$work/new/.spuff-sha256"
  chmod 0755 "$work/new"
  rm -rf "$target"
  mv -T "$work/new" "$target"
fi
mkdir -p /usr/local/bin
while [ $# -gt 0 ]; do
  if [ ! -e "$target/$2" ]; then
    echo "$url holds no $2" >&2
    exit 1
  fi
  ln -sfn "$target/$2" "/usr/local/bin/$1"
  shift 2
done
`;

function archiveStep(archive: BundleArchive): BundleStep {
  const { url, sha256, format, stripComponents, target, links } = archive;
  return {
    title: `download ${url}`,
    argv: [
      ...['sh', '-c', archiveScript, 'install-archive', url, sha256, format, String(stripComponents), target],
      ...Object.entries(links).flat(),
    ],
    asUser: false,
    env: {},
    required: archive.required ?? true,
  };
}

/** One at a time, so that an error names one. */
function npmStep(spec: string, required: boolean): BundleStep {
  return {
    title: `npm package ${spec}`,
    argv: [
      ...['npm', 'install', '--global', '--ignore-scripts', '--prefix', '/usr/local'],
      ...['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel', 'error', '--', spec],
    ],
    asUser: false,
    // Beside root's own folder, which has no business in a snapshot.
    env: { npm_config_cache: '/var/cache/spuff/npm' },
    required,
  };
}
