import { existsSync } from 'node:fs';
import { engineAnswers } from './engine.mjs';
import { asRoot, heading, run } from './run.mjs';

/** What has to be there, how to see that it is, and the Debian package that brings it. */
const needed = [
  { package: 'mmdebstrap', present: () => existsSync('/usr/bin/mmdebstrap') },
  { package: 'openssh-client', present: () => existsSync('/usr/bin/ssh') && existsSync('/usr/bin/scp') },
  { package: 'ca-certificates', present: () => existsSync('/etc/ssl/certs/ca-certificates.crt') },
  {
    package: 'docker.io',
    present: () => engineAnswers() || existsSync('/usr/sbin/dockerd') || existsSync('/usr/bin/dockerd'),
  },
  { package: 'iptables', present: () => engineAnswers() || existsSync('/usr/sbin/iptables') },
];

export function missingPackages() {
  return needed.filter(({ present }) => !present()).map((entry) => entry.package);
}

export function ensurePackages() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  heading(`Install ${missing.join(', ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  run(asRoot(['apt-get', 'update', '-q']), { env });
  run(asRoot(['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...missing]), { env });
}
