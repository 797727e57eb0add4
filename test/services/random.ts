/** What was drawn by lot. */
import { http, inside } from './client.ts';
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
  }),
];
