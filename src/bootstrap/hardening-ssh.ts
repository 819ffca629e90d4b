/** What sshd on the machine accepts: one user, by key, with the modern half of its algorithms. */

import { forwardedAgentPath } from './forwarded-agent.ts';

/** sshd takes the first value that it reads, so the name has to sort before cloud-init's 50-cloud-init.conf. */
export const sshdDropInPath = '/etc/ssh/sshd_config.d/10-spuff.conf';

/**
 * The file that cloud-init keeps for `ssh_pwauth: false`, written in its own words before it gets there: passwords stay
 * refused where the drop-in above had to be taken out, and cloud-init finds nothing to change. Else it writes it after
 * sshd has started, and restarts sshd in the middle of first contact.
 */
export const passwordDropInPath = '/etc/ssh/sshd_config.d/50-cloud-init.conf';
export const passwordDropIn = 'PasswordAuthentication no\n';

/**
 * Algorithms are taken away from sshd's own list, never named: naming one that this sshd lacks keeps it from starting,
 * and what a newer one adds (post-quantum exchanges) stays in.
 * A client that has vanished is given up after 30 s, by OpenSSH 9.2 after 60 s, which waits twice as long as it says:
 * until then sshd keeps the socket of the agent that it lent.
 * SetEnv is the last word on a session's environment, so each session gets the one path for it. cargo's own git never says
 * which host a login is for, so that the guard refuses it: it uses the system's git instead.
 * @param user a name that `checkUserName` has passed; sshd would read `*`, `?`, `!` and `@` in it as a pattern
 * @see sshd_config(5)
 */
export function sshdDropIn(user: string): string {
  return `# Written by spuff at first boot. Lists begin with - and only take away.
HostKey /etc/ssh/ssh_host_ed25519_key
HostKeyAlgorithms ssh-ed25519
KexAlgorithms -ecdh-sha2-*,diffie-hellman-*
Ciphers -aes*-ctr
MACs -umac-*,hmac-sha1*,hmac-sha2-256,hmac-sha2-512
RequiredRSASize 3072
AllowUsers ${user}
PermitRootLogin no
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
X11Forwarding no
Compression no
TCPKeepAlive no
PermitTunnel no
PermitUserRC no
AllowAgentForwarding yes
AllowTcpForwarding local
AllowStreamLocalForwarding local
LoginGraceTime 20
MaxSessions 20
LogLevel VERBOSE
ClientAliveInterval 10
ClientAliveCountMax 2
SetEnv SSH_AUTH_SOCK=${forwardedAgentPath} CARGO_NET_GIT_FETCH_WITH_CLI=true
`;
}
