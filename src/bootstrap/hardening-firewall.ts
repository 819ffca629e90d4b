/**
 * The machine's packet filter: nothing comes in but SSH, and the cloud's metadata service answers root alone. It is one
 * table of its own and touches no other: container engines and the user keep theirs.
 */

export const firewallRulesPath = '/etc/spuff/firewall.nft';
export const firewallUnit = 'spuff-firewall.service';
export const firewallUnitPath = `/etc/systemd/system/${firewallUnit}`;

/**
 * Where the machine's own containers and virtual machines are: docker and its networks, podman, nerdctl, CNI, libvirt,
 * LXC, incus, systemd-nspawn, and pairs without a bridge. What is inside is named, and not what is outside: a network
 * card, a tunnel or an overlay with a name that nobody thought of then stays outside.
 */
const insideInterfaces = [
  'docker*',
  'br-*',
  'podman*',
  'nerdctl*',
  'cni*',
  'virbr*',
  'lxc*',
  'lxdbr*',
  'incusbr*',
  've-*',
  'veth*',
];

/**
 * Loading it again replaces the table in one transaction. Where the metadata service also answers DNS (TCP and UDP 53),
 * time and DHCP, those stay open: they hold nothing of the user data.
 * @see nft(8); RFC 4890 4.4 for the ICMPv6 types that may not be dropped
 */
export const firewallRules = `# Written by spuff at first boot, loaded by ${firewallUnit} at every boot.
table inet spuff {
}
delete table inet spuff
table inet spuff {
  chain inbound {
    type filter hook input priority filter; policy drop;
    iif lo accept
    ct state established,related accept
    ct state invalid drop
    tcp dport 22 accept
    icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept
    icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
    icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept
    udp sport 67 udp dport 68 accept
    ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
  }
  chain metadata_out {
    type filter hook output priority filter; policy accept;
    ip daddr 169.254.169.254 tcp dport != 53 meta skuid != 0 reject with icmpx type admin-prohibited
    ip6 daddr fd00:ec2::254 tcp dport != 53 meta skuid != 0 reject with icmpx type admin-prohibited
  }
  chain forwarded {
    type filter hook forward priority filter; policy drop;
    ip daddr 169.254.169.254 tcp dport != 53 reject with icmpx type admin-prohibited
    ip6 daddr fd00:ec2::254 tcp dport != 53 reject with icmpx type admin-prohibited
    # What comes to a container passes here, not by the chain inbound: to a port that it publishes as well as to one
    # that it does not, for a neighbour with a route. Only what is inside may begin; a line for each more that may.
    ct state established,related accept
${insideInterfaces.map((name) => `    iifname "${name}" accept`).join('\n')}
  }
}
`;

/**
 * Before the network is up, like Debian's own nftables.service, and again whenever that one runs: its configuration
 * begins with \`flush ruleset\`. The second command is the self test: an emptied file loads without an error.
 */
export const firewallUnitText = `[Unit]
Description=spuff firewall: SSH alone comes in, metadata for root alone
Documentation=man:nft(8)
DefaultDependencies=no
Wants=network-pre.target
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft --file ${firewallRulesPath}
ExecStart=/usr/sbin/nft list chain inet spuff inbound
ExecReload=/usr/sbin/nft --file ${firewallRulesPath}
StandardOutput=null
StandardError=journal

[Install]
WantedBy=sysinit.target
`;
