/**
 * Stands in on a machine for the hosts that makers keep their archives on: their names lead to the machine itself, where a
 * server with a certificate for them has archives of the same form, with programs in them that say their name.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleArchive } from '../../src/domain/bundle-plan.ts';

/** Runs a program as root on the machine, and throws unless it exits with 0. */
type RunAsRoot = (argv: readonly string[], stdin?: string) => Promise<string>;

const folder = '/srv/mirror';

const server = `
import http.server, os, ssl
class Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        return '${folder}/' + self.headers['Host'] + path.split('?')[0]
    def do_GET(self):
        if self.path == '/to-http':
            self.send_response(302)
            self.send_header('Location', 'http://' + self.headers['Host'] + '/plain')
            self.end_headers()
        else:
            super().do_GET()
    def log_request(self, code='-', size='-'):
        with open('${folder}/requests', 'a') as log:
            log.write(self.headers['Host'] + self.path + chr(10))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('${folder}/cert.pem', '${folder}/key.pem')
listener = http.server.ThreadingHTTPServer(('127.0.0.1', 443), Handler)
listener.socket = context.wrap_socket(listener.socket, server_side=True)
listener.serve_forever()
`;

/** Reads a list of archives to make, and prints the checksums of what it made. */
const maker = `
import hashlib, io, json, os, sys, tarfile, zipfile
for spec in json.load(sys.stdin):
    path = '${folder}/' + spec['path']
    os.makedirs(os.path.dirname(path), exist_ok=True)
    top = 'top/' * spec['strip']
    files = [(top + name, ('#!/bin/sh' + chr(10) + 'echo ' + spec['says'] + chr(10)).encode()) for name in spec['files']]
    if spec['format'] == 'file':
        open(path, 'wb').write(files[0][1])
    elif spec['format'] == 'zip':
        with zipfile.ZipFile(path, 'w') as archive:
            for name, data in files:
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o100755 << 16
                archive.writestr(info, data)
    else:
        with tarfile.open(path, 'w:' + spec['format'].split('.')[1]) as archive:
            for name, data in files:
                info = tarfile.TarInfo(name)
                info.size, info.mode, info.uid = len(data), 0o755, 4321
                archive.addfile(info, io.BytesIO(data))
    print(hashlib.sha256(open(path, 'rb').read()).hexdigest())
`;

export interface ArchiveMirror {
  /** Makes a stand-in for each, and gives them back with the checksums of those. */
  standIn(archives: readonly BundleArchive[], says: string): Promise<BundleArchive[]>;
  /** The path on the machine that a URL is served from. */
  pathOf(url: string): string;
  /** Host and path of each request since the machine began. */
  requests(): Promise<string[]>;
  /** Has the machine trust the server, as it does the real ones. */
  trust(): Promise<void>;
}

export async function startArchiveMirror(root: RunAsRoot, hosts: readonly string[]): Promise<ArchiveMirror> {
  const made = makeCertificate(hosts);
  const write = (path: string, text: string) =>
    root(['sh', '-c', 'mkdir -p "$(dirname "$1")" && cat > "$1"', 'write', path], text);
  await write(`${folder}/cert.pem`, made.certificate);
  await write(`${folder}/key.pem`, made.key);
  await write(`${folder}/requests`, '');
  await write(`${folder}/server.py`, server);
  await write(`${folder}/make.py`, maker);
  await root(['sh', '-c', 'cat >> /etc/hosts'], hosts.map((host) => `127.0.0.1 ${host}\n`).join(''));
  await root(['systemd-run', '--quiet', '--unit=archive-mirror', 'python3', `${folder}/server.py`]);
  await root(['sh', '-c', 'until curl -sk https://127.0.0.1/ >/dev/null; do sleep 0.1; done']);
  return {
    pathOf: (url) => `${folder}/${url.slice('https://'.length)}`,
    requests: async () => (await root(['cat', `${folder}/requests`])).trim().split('\n'),
    trust: async () => {
      await write('/usr/local/share/ca-certificates/archive-mirror.crt', made.authority);
      await root(['update-ca-certificates']);
    },
    standIn: async (archives, says) => {
      const specs = archives.map(({ url, format, stripComponents, links }) => ({
        path: url.slice('https://'.length),
        format,
        strip: stripComponents,
        files: format === 'file' && Object.values(links).length === 0 ? ['file'] : Object.values(links),
        says,
      }));
      const sums = (await root(['python3', `${folder}/make.py`], JSON.stringify(specs))).trim().split('\n');
      return archives.map((archive, at) => ({ ...archive, sha256: sums[at] ?? '' }));
    },
  };
}

/** An authority of the test's own, and a certificate from it for the hosts. */
function makeCertificate(hosts: readonly string[]): { authority: string; certificate: string; key: string } {
  const path = mkdtempSync(join(tmpdir(), 'spuff-mirror-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: path, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  try {
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      '/CN=mirror-ca',
    );
    openssl('req', ...newKey, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=mirror');
    writeFileSync(join(path, 'names'), `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(',')}\n`);
    openssl(
      ...['x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '2', '-extfile', 'names', '-out', 'cert.pem'],
    );
    const read = (name: string) => readFileSync(join(path, name), 'utf8');
    return { authority: read('ca.pem'), certificate: read('cert.pem'), key: read('key.pem') };
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}
