/**
 * Lets docker run containers in a local machine, which is a container itself and has few rights. Nothing of it is needed on
 * a machine of a provider.
 */
type RunAsRoot = (argv: readonly string[], options?: { stdin?: string }) => Promise<string>;

/** What the machine may not do, docker's runtime must not try: keyrings, pivot_root, and two capabilities. */
const runtime = `#!/usr/bin/python3
import json, os, sys
lacking = ('CAP_MKNOD', 'CAP_NET_RAW')
args = []
for word in sys.argv[1:]:
    args.append(word)
    if word in ('create', 'run'):
        args += ['--no-new-keyring', '--no-pivot']
def strip(path, whole):
    with open(path) as file:
        content = json.load(file)
    process = content['process'] if whole else content
    sets = process.get('capabilities') or {}
    for name in sets:
        sets[name] = [one for one in sets[name] if one not in lacking]
    with open(path, 'w') as file:
        json.dump(content, file)
if '--bundle' in args:
    strip(os.path.join(args[args.index('--bundle') + 1], 'config.json'), True)
if '--process' in args:
    strip(args[args.index('--process') + 1], False)
os.execv('/usr/sbin/runc', ['runc'] + args)
`;

const daemon = {
  runtimes: { narrow: { path: '/usr/local/bin/runc-narrow' } },
  'default-runtime': 'narrow',
  'storage-driver': 'vfs',
};

/** Programs of the machine that are all that the image consists of. */
const imageScript = `set -eu
work=$(mktemp -d)
cd "$work"
chmod 0755 .
mkdir -p bin etc tmp root home usr/bin dev proc sys
ln -s bin sbin
for name in sh bash cat cut id getent sleep ls env stat grep head tr sed uname mkdir rm test true ssh ssh-add nc python3 printf printenv tty; do
  path=/usr/bin/$name
  [ -x "$path" ] || path=$(command -v "$name" || true)
  [ -n "$path" ] && cp -L --parents "$path" . && { [ -e "bin/$name" ] || cp -L "$path" bin/; }
  [ -z "$path" ] || ldd "$path" 2>/dev/null | grep -o '/[^ )]*' | sort -u | while read -r library; do cp -Lu --parents "$library" . ; done
done
cp -L --parents /lib64/ld-linux-*.so.* . 2>/dev/null || true
cp --parents /lib/*-linux-gnu/libnss_files* /lib/*-linux-gnu/libnss_dns* . 2>/dev/null || true
cp -r --parents /usr/lib/python3.11 . 2>/dev/null || true
printf 'root:x:0:0:root:/root:/bin/bash\\nworker:x:1234:1234::/home/worker:/bin/bash\\n' >etc/passwd
printf 'root:x:0:\\nworker:x:1234:\\n' >etc/group
mkdir -p home/worker
chown -R 1234:1234 home/worker
chmod 1777 tmp
tar -c . | docker import - tools:test
rm -rf "$work"
`;

export async function runDockerInMachine(root: RunAsRoot): Promise<void> {
  const remount = ['', '/cpu', '/cpuacct', '/cpuset', '/memory', '/devices', '/freezer', '/blkio', '/pids']
    .map((name) => `mount -o remount,rw,bind /sys/fs/cgroup${name} 2>/dev/null || true`)
    .join('\n');
  await root(['sh', '-c', remount]);
  await root(['install', '-m', '0755', '/dev/stdin', '/usr/local/bin/runc-narrow'], { stdin: runtime });
  await root(['mkdir', '-p', '/etc/docker']);
  await root(['tee', '/etc/docker/daemon.json'], { stdin: JSON.stringify(daemon) });
}

/** An image of the machine's own programs, `tools:test`: no registry is asked. Its user `worker` is not the machine's. */
export async function importToolsImage(root: RunAsRoot): Promise<void> {
  await root(['sh', '-c', imageScript]);
}
