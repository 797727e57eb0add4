/** What was drawn by lot. */
import { http, inside, sh } from './client.ts';
import { type Service, service } from './service.ts';

/**
 * Five packages with a daemon, at random and without a look before: Debian 12 main, sections net, httpd and database, depending on lsb-base, adduser,
 * init-system-helpers or sysvinit-utils, under 30 MB, none of the above, sorted, shuffled by Python's random.Random('unroot-2026-11-21'); of those in
 * turn the first five that ship a unit or an init script. Started as that unit does.
 */
export const RANDOM: readonly Service[] = [
  service('ziproxy', {
    packages: ['ziproxy'],
    // It has no way to stay in the foreground.
    run: [
      '/bin/sh',
      '-c',
      'ziproxy -c /etc/ziproxy/ziproxy.conf -u ziproxy -g ziproxy -d -p /run/ziproxy.pid && exec sleep infinity',
    ],
    ask: [http(8080, 'http://127.0.0.1:9/')],
    says: /HTTP\/1\.[01] \d+/,
  }),
  service('cntlm', {
    packages: ['cntlm'],
    script: 'chroot "$1" install -d -o cntlm /run/cntlm',
    run: ['cntlm', '-f', '-U', 'cntlm', '-P', '/run/cntlm/cntlm.pid', '-c', '/etc/cntlm.conf'],
    ask: [http(3128, 'http://127.0.0.1:9/')],
    says: /HTTP\/1\.[01] \d+/,
  }),
  service('magnum-api', {
    packages: ['magnum-api'],
    run: ['/etc/init.d/magnum-api', 'systemd-start'],
    patienceMs: 60_000,
    ask: [http(9511)],
    says: /HTTP\/1\.[01] \d+/,
  }),
  service('netdata', {
    packages: ['netdata-core', 'netdata-web'],
    run: ['netdata', '-D'],
    ask: [http(19999, '/api/v1/info')],
    says: /200 OK[\s\S]*"version"/,
  }),
  service('vitrage-persistor', {
    packages: ['vitrage-persistor'],
    run: ['/etc/init.d/vitrage-persistor', 'systemd-start'],
    ask: [inside('ps ax || cat /proc/1/cmdline')],
    says: /persistor/,
    // It waits for a message queue that is not there.
    honest: { verdict: 'inconclusive', says: /opens no port and no socket/ },
  }),
  // A second lot: sections net, httpd, database, mail, admin, comm and news, the same rule, random.Random('unroot-2026-11-21-second').
  service('stenographer', {
    packages: ['stenographer', 'curl'],
    script: 'chroot "$1" stenokeys.sh stenographer stenographer || true; sed -i "s/eth0/lo/" "$1/etc/stenographer/config"',
    // No syslog in a container.
    run: ['stenographer', '-syslog=false'],
    // Its capture program has capabilities that no container has by itself.
    alone: false,
    honest: { verdict: 'inconclusive', says: /ends by itself/ },
    ask: [
      sh(
        'cd /etc/stenographer/certs; curl -sS --cert client_cert.pem --key client_key.pem --cacert ca_cert.pem -d "port 1" https://127.0.0.1:1234/query -o /dev/null -w "%{http_code}"',
      ),
    ],
    says: /200/,
  }),
  service('slony1', {
    packages: ['slony1-2-bin'],
    run: ['slon', 'test', 'host=127.0.0.1 dbname=app user=app'],
    ask: [inside('cat /proc/1/cmdline')],
    says: /slon/,
    // Without a database it waits for one.
    honest: { verdict: 'inconclusive', says: /nothing shows that it works/ },
  }),
  service('neutron-taas', {
    packages: ['neutron-taas-openvswitch-agent'],
    run: ['/etc/init.d/neutron-taas-openvswitch-agent', 'systemd-start'],
    ask: [inside('cat /proc/1/cmdline')],
    says: /taas/,
    alone: false,
    honest: { verdict: 'inconclusive', says: /ends by itself|ends well/ },
  }),
  service('nsca-ng-server', {
    packages: ['nsca-ng-server', 'nsca-ng-client'],
    script:
      'chroot "$1" install -d -o nagios -g nagios /run/nsca-ng /var/lib/nagios3/rw; chroot "$1" mkfifo /var/lib/nagios3/rw/nagios.cmd; chroot "$1" chown nagios /var/lib/nagios3/rw/nagios.cmd',
    files: {
      '/etc/nsca-ng/nsca-ng.cfg':
        'command_file = "/var/lib/nagios3/rw/nagios.cmd"\nuser = "nagios"\nlisten = "*"\nauthorize "*" {\n  password = "secret"\n  hosts = ".*"\n  services = ".*"\n}\n',
    },
    run: ['nsca-ng', '-F', '-c', '/etc/nsca-ng/nsca-ng.cfg'],
    ask: [
      sh(
        'printf \'identity = "a"\\npassword = "secret"\\nserver = "127.0.0.1"\\n\' >/tmp/c; printf "host\\tservice\\t0\\tfine\\n" | send_nsca -c /tmp/c -o 5 2>&1 && echo sent',
      ),
      inside('timeout 4 cat /var/lib/nagios3/rw/nagios.cmd'),
    ],
    says: /sent[\s\S]*host;service;0;fine/,
  }),
  service('lsh-server', {
    packages: ['lsh-server', 'openssh-client'],
    script:
      'chroot "$1" useradd --create-home --shell /bin/bash ada; chroot "$1" install -d -m 700 -o ada -g ada /home/ada/.ssh; echo kept >"$1/home/ada/note"; [ -s "$1/etc/lsh_host_key" ] || chroot "$1" sh -c "lsh-keygen --server | lsh-writekey --server"',
    run: ['lshd', '-p', '22'],
    honest: { verdict: 'inconclusive', says: /able to become other users|became uid|check passwords|logins/ },
    ask: [sh('exec 3<>/dev/tcp/127.0.0.1/22; timeout 2 cat <&3 | head -c 200; true')],
    says: /SSH-2.0-lshd/,
  }),
];
