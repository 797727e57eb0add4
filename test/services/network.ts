/** Names, time, tunnels, file transfer, monitoring, supervision. */
import { dialog, sh } from './client.ts';
import { folder, make, type Service, service } from './service.ts';

const ZONE =
  '$TTL 60\n@ IN SOA ns.example. root.example. 1 60 60 60 60\n@ IN NS ns.example.\nns IN A 192.0.2.1\nwww IN A 192.0.2.7\n';
const dig = (name: string): ReturnType<typeof sh> =>
  sh(`dig +short +tries=1 +time=3 @127.0.0.1 ${name}; dig +tcp +short +tries=1 +time=3 @127.0.0.1 ${name}`);
const ANSWER = /192\.0\.2\.7\s+192\.0\.2\.7/;

export const NETWORK: readonly Service[] = [
  service('bind9', {
    packages: ['bind9', 'bind9-dnsutils'],
    files: {
      '/etc/bind/named.conf.local': 'zone "example" { type master; file "/etc/bind/db.example"; };\n',
      '/etc/bind/db.example': ZONE,
    },
    script: make('bind:bind', '/run/named'),
    run: ['named', '-g', '-u', 'bind'],
    ask: [dig('www.example')],
    says: ANSWER,
  }),
  service('unbound', {
    packages: ['unbound', 'dns-root-data', 'bind9-dnsutils'],
    script: 'chroot "$1" install -o unbound -g unbound -m 644 /usr/share/dns/root.key /var/lib/unbound/root.key',
    files: {
      '/etc/unbound/unbound.conf.d/local.conf':
        'server:\n  local-zone: "example." static\n  local-data: "www.example. A 192.0.2.7"\n',
    },
    run: ['unbound', '-d', '-p'],
    ask: [dig('www.example')],
    says: ANSWER,
  }),
  service('dnsmasq', {
    packages: ['dnsmasq-base', 'bind9-dnsutils'],
    run: ['dnsmasq', '--keep-in-foreground', '--user=dnsmasq', '--no-resolv', '--address=/www.example/192.0.2.7'],
    ask: [dig('www.example')],
    says: ANSWER,
  }),
  service('nsd', {
    packages: ['nsd', 'bind9-dnsutils'],
    entries: [folder('/run/nsd')],
    files: {
      '/etc/nsd/nsd.conf.d/zone.conf': 'zone:\n  name: example\n  zonefile: /etc/nsd/db.example\n',
      '/etc/nsd/db.example': ZONE,
    },
    run: ['nsd', '-d'],
    ask: [dig('www.example')],
    says: ANSWER,
  }),
  service('knot', {
    packages: ['knot', 'bind9-dnsutils'],
    script: `${make('knot:knot', '/run/knot')}; printf 'server:\\n  rundir: "/run/knot"\\n  user: knot:knot\\n  listen: [ 0.0.0.0@53, ::@53 ]\\nlog:\\n - target: stdout\\n   any: info\\ndatabase:\\n  storage: "/var/lib/knot"\\nzone:\\n - domain: example\\n   file: "/etc/knot/db.example"\\n' >"$1/etc/knot/knot.conf"`,
    files: { '/etc/knot/db.example': ZONE },
    run: ['knotd'],
    ask: [dig('www.example')],
    says: ANSWER,
  }),
  service('pdns', {
    packages: ['pdns-server', 'pdns-backend-bind', 'bind9-dnsutils'],
    files: {
      '/etc/powerdns/named.conf': 'zone "example" { type native; file "/etc/powerdns/db.example"; };\n',
      '/etc/powerdns/db.example': ZONE,
    },
    script: 'echo "bind-config=/etc/powerdns/named.conf" >"$1/etc/powerdns/pdns.d/zones.conf"',
    run: ['pdns_server', '--guardian=no', '--daemon=no', '--disable-syslog', '--log-timestamp=no', '--write-pid=no'],
    ask: [dig('www.example')],
    says: ANSWER,
  }),
  service('chrony', {
    packages: ['chrony'],
    files: {
      '/etc/chrony/chrony.conf':
        'local stratum 8\nallow 127.0.0.1\ndriftfile /var/lib/chrony/chrony.drift\nlogdir /var/log/chrony\n',
    },
    run: ['chronyd', '-d', '-x'],
    ask: [sh('chronyc -n -h 127.0.0.1 tracking; chronyd -Q -t 5 "server 127.0.0.1 iburst maxsamples 1" 2>&1')],
    says: /Stratum\s+: 8[\s\S]*System clock wrong by/,
  }),
  service('snmpd', {
    packages: ['snmpd', 'snmp'],
    files: { '/etc/snmp/snmpd.conf': 'agentaddress udp:161,tcp:161\nrocommunity public\nsysName stored\n' },
    run: ['snmpd', '-f', '-Lo', '-u', 'Debian-snmp', '-g', 'Debian-snmp', '-p', '/run/snmpd.pid'],
    ask: [sh('snmpget -v2c -c public 127.0.0.1 1.3.6.1.2.1.1.5.0')],
    says: /STRING: "?stored/,
  }),
  service('zabbix-agent', {
    packages: ['zabbix-agent'],
    script: make('zabbix:zabbix', '/run/zabbix'),
    run: ['zabbix_agentd', '-f', '-c', '/etc/zabbix/zabbix_agentd.conf'],
    ask: [
      sh(
        'exec 3<>/dev/tcp/127.0.0.1/10050; printf "ZBXD\\001\\012\\000\\000\\000\\000\\000\\000\\000agent.ping" >&3; timeout 3 cat <&3 | tr -d "\\000"',
      ),
    ],
    says: /ZBXD.*1/,
  }),
  service('freeradius', {
    packages: ['freeradius', 'freeradius-utils'],
    script: `echo 'ada Cleartext-Password := "secret"' >>"$1/etc/freeradius/3.0/mods-config/files/authorize"`,
    run: ['freeradius', '-f', '-l', 'stdout'],
    // Whoever does not know the secret gets no answer.
    probe: 'radtest ada secret 127.0.0.1 0 testing123',
    ask: [sh('radtest ada secret 127.0.0.1 0 testing123')],
    says: /Access-Accept/,
  }),
  service('coturn', {
    packages: ['coturn'],
    run: [
      'turnserver',
      '-n',
      '--log-file=stdout',
      '--listening-ip=127.0.0.1',
      '--relay-ip=127.0.0.1',
      '--allow-loopback-peers',
    ].concat([
      '--cli-password=c',
      '--user=ada:secret',
      '--realm=example',
      '--lt-cred-mech',
      '--proc-user=turnserver',
      '--proc-group=turnserver',
    ]),
    ask: [sh('turnutils_uclient -y -n 5 -u ada -w secret 127.0.0.1')],
    says: /Total lost packets 0/,
  }),
  service('tor', {
    packages: ['tor'],
    files: {
      '/etc/tor/torrc':
        'User debian-tor\nDataDirectory /var/lib/tor\nDisableNetwork 1\nControlPort 127.0.0.1:9051\nSocksPort 9050\n',
    },
    run: ['tor', '-f', '/etc/tor/torrc'],
    ask: [dialog(9051, ['AUTHENTICATE', 'GETINFO version', 'QUIT'], false)],
    says: /250 OK[\s\S]*250-version=/,
  }),
  service('stunnel', {
    packages: ['stunnel4', 'openssl'],
    script:
      'chroot "$1" openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=x -keyout /etc/stunnel/key.pem -out /etc/stunnel/cert.pem 2>/dev/null; chmod 600 "$1/etc/stunnel/key.pem"; chroot "$1" install -d -o stunnel4 -g stunnel4 /run/stunnel4',
    files: {
      '/etc/stunnel/stunnel.conf':
        'foreground = yes\nsetuid = stunnel4\nsetgid = stunnel4\npid = /run/stunnel4/stunnel.pid\n[echo]\naccept = 443\nexec = /bin/cat\nexecArgs = cat\ncert = /etc/stunnel/cert.pem\nkey = /etc/stunnel/key.pem\n',
    },
    run: ['stunnel4', '/etc/stunnel/stunnel.conf'],
    ask: [sh('(echo hello; sleep 1) | timeout 3 openssl s_client -quiet -connect 127.0.0.1:443 2>&1')],
    says: /^hello/m,
  }),
  service('rsyncd', {
    packages: ['rsync'],
    script: make('nobody:nogroup', '/srv/data'),
    files: { '/etc/rsyncd.conf': '[data]\npath = /srv/data\nread only = no\nuid = nobody\ngid = nogroup\n' },
    run: ['rsync', '--daemon', '--no-detach'],
    probe: 'rsync /etc/hostname rsync://127.0.0.1/data/probe && rsync rsync://127.0.0.1/data/probe /tmp/probe',
    ask: [
      sh(
        'echo kept >/tmp/note; rsync /tmp/note rsync://127.0.0.1/data/; rsync rsync://127.0.0.1/data/note /tmp/back; cat /tmp/back',
      ),
    ],
    says: /kept/,
  }),
  service('git-daemon', {
    packages: ['git'],
    script:
      'set -e; chroot "$1" git init -q --bare -b main /srv/git/x.git; chroot "$1" sh -c "cd /tmp && git clone -q /srv/git/x.git w && cd w && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m kept && git push -q origin HEAD:main; rm -rf /tmp/w"; chroot "$1" chown -R nobody:nogroup /srv/git',
    run: [
      'git',
      'daemon',
      '--user=nobody',
      '--group=nogroup',
      '--reuseaddr',
      '--base-path=/srv/git',
      '--export-all',
      '--enable=receive-pack',
    ],
    ask: [
      sh(
        'cd /tmp; rm -rf w; git clone -q git://127.0.0.1/x.git w && cd w && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m more && git push origin HEAD:main 2>&1; git ls-remote origin; git log --oneline origin/main',
      ),
    ],
    says: /main -> main|HEAD -> main[\s\S]*more/,
  }),
  service('tftpd', {
    packages: ['tftpd-hpa', 'tftp-hpa'],
    files: { '/srv/tftp/note': 'kept\n' },
    run: ['in.tftpd', '--foreground', '--user', 'tftp', '--address', ':69', '--secure', '/srv/tftp'],
    ask: [sh('cd /tmp; tftp -m binary 127.0.0.1 -c get note; cat note')],
    says: /kept/,
    // For each request it calls chroot (--secure) and becomes tftp.
    honest: { verdict: 'failed', says: /69\/udp does not answer .*tftp/ },
  }),
  service('runit', {
    packages: ['runit', 'memcached'],
    entries: [folder('/etc/service/cache')],
    files: { '/etc/service/cache/run': '#!/bin/sh\nexec chpst -u memcache memcached -l 0.0.0.0\n' },
    run: ['runsvdir', '-P', '/etc/service'],
    ask: [dialog(11211, ['set k 0 0 6\r\nstored', 'get k'], false)],
    says: /STORED[\s\S]*stored/,
  }),
  service('inspircd', {
    packages: ['inspircd'],
    script: make('irc:irc', '/run/inspircd'),
    run: ['inspircd', '--nofork', '--config=/etc/inspircd/inspircd.conf'],
    // It refuses to be root.
    alone: false,
    patienceMs: 60_000,
    ask: [
      sh(
        `exec 3<>/dev/tcp/127.0.0.1/6667; printf 'NICK ada\\r\\nUSER ada 0 * :ada\\r\\n' >&3; while read -r -t 15 line <&3; do echo "$line"; case "$line" in PING*) printf 'PONG %s\\r\\n' "\${line#PING }" >&3;; *' 001 '*|ERROR*) break;; esac; done`,
      ),
    ],
    says: / 001 ada /,
  }),
  // One datagram: bash writes each line by itself.
  service('kamailio', {
    packages: ['kamailio'],
    run: ['kamailio', '-DD', '-E', '-u', 'kamailio', '-g', 'kamailio', '-f', '/etc/kamailio/kamailio.cfg'],
    ask: [
      sh(
        `exec 3<>/dev/udp/127.0.0.1/5060; printf 'REGISTER sip:127.0.0.1 SIP/2.0\\r\\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKx\\r\\nFrom: <sip:a@127.0.0.1>;tag=1\\r\\nTo: <sip:a@127.0.0.1>\\r\\nCall-ID: 1\\r\\nCSeq: 1 REGISTER\\r\\nContact: <sip:a@127.0.0.1:9>\\r\\nContent-Length: 0\\r\\n\\r\\n' | dd bs=4k iflag=fullblock status=none >&3; timeout 5 dd bs=4k count=1 status=none <&3`,
      ),
    ],
    says: /SIP\/2\.0 200 OK/,
  }),
];
