import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { classifyLogLine, logDenials } from './log-denials.ts';

/** Lines in the shapes that programs use, made up here; the yardstick of real ones is in ../shared. */
const OWN: readonly (readonly [string, string, string?])[] = [
  // ports
  ['nginx: [emerg] bind() to [::]:443 failed (13: Permission denied)', 'low_port', '443'],
  ['Error: listen EACCES: permission denied 0.0.0.0:80', 'low_port', '80'],
  ['    at Server.setupListenHandle; Error: listen EACCES: permission denied :::443', 'low_port', '443'],
  ['2024/03/01 11:12:13 http server: listen tcp 0.0.0.0:80: bind: permission denied', 'low_port', '80'],
  ['time="2024-01-01T10:00:00Z" level=fatal msg="listen udp :69: bind: permission denied"', 'low_port', '69'],
  ["ERROR:    [Errno 13] error while attempting to bind on address ('0.0.0.0', 80): permission denied", 'low_port', '80'],
  ['Bind to port 22 on 0.0.0.0 failed: Permission denied.', 'low_port', '22'],
  ['# Warning: Could not create server TCP listening socket *:80: bind: Permission denied', 'low_port', '80'],
  ['java.net.BindException: Permission denied (Bind failed)', 'low_port'],
  ['Permission denied - bind(2) for "0.0.0.0" port 443 (Errno::EACCES)', 'low_port', '443'],
  ['dnsmasq: failed to create listening socket for port 53: Permission denied', 'low_port', '53'],
  ["can't bind to socket: 0.0.0.0:80: Permission denied", 'low_port', '80'],
  ['(13)Permission denied: AH00072: make_sock: could not bind to address 0.0.0.0:443', 'low_port', '443'],
  ['LOG:  could not bind IPv4 address "0.0.0.0": Permission denied', 'low_port'],
  ['FATAL: commBind: Cannot bind socket FD 11 to [::]:80: (13) Permission denied', 'low_port', '80'],
  // files, by language
  ["PermissionError: [Errno 13] Permission denied: '/app/logs/app.log'", 'unwritable_path', '/app/logs/app.log'],
  ["IOError: [Errno 13] Permission denied: u'/usr/src/app/out.txt'", 'unwritable_path', '/usr/src/app/out.txt'],
  ["Error: EACCES: permission denied, open '/app/package-lock.json'", 'unwritable_path', '/app/package-lock.json'],
  ["[Error: EACCES: permission denied, mkdir '/app/node_modules/.cache'] {", 'unwritable_path', '/app/node_modules/.cache'],
  ['panic: open /app/config.yaml: permission denied', 'unwritable_path', '/app/config.yaml'],
  ['ERRO[0001] mkdir /app/state: permission denied', 'unwritable_path', '/app/state'],
  [
    'level=fatal msg="creating state" error="open /etc/thing/state.json: permission denied"',
    'unwritable_path',
    '/etc/thing/state.json',
  ],
  ['java.nio.file.AccessDeniedException: /opt/app/conf/app.properties', 'unwritable_path', '/opt/app/conf/app.properties'],
  ['java.io.FileNotFoundException: /opt/app/work/out.bin (Permission denied)', 'unwritable_path', '/opt/app/work/out.bin'],
  ['Error: failed to create /app/db.sqlite: Permission denied (os error 13)', 'unwritable_path', '/app/db.sqlite'],
  [
    'PHP Warning:  file_put_contents(/var/www/html/cache/x.php): Failed to open stream: Permission denied in /var/www/html/index.php on line 3',
    'unwritable_path',
    '/var/www/html/cache/x.php',
  ],
  ['Errno::EACCES: Permission denied @ dir_s_mkdir - /usr/src/app/tmp/pids', 'unwritable_path', '/usr/src/app/tmp/pids'],
  ['Permission denied @ rb_sysopen - /app/log/production.log (Errno::EACCES)', 'unwritable_path', '/app/log/production.log'],
  ["System.UnauthorizedAccessException: Access to the path '/app/keys' is denied.", 'unwritable_path', '/app/keys'],
  ['/docker-entrypoint.sh: line 12: /etc/app/app.conf: Permission denied', 'unwritable_path', '/etc/app/app.conf'],
  ['/docker-entrypoint.sh: 9: cannot create /etc/app/app.conf: Permission denied', 'unwritable_path', '/etc/app/app.conf'],
  [
    "sed: couldn't open temporary file /etc/nginx/conf.d/sedXk12aB: Permission denied",
    'unwritable_path',
    '/etc/nginx/conf.d/sedXk12aB',
  ],
  ["touch: cannot touch '/usr/local/app/ready': Permission denied", 'unwritable_path', '/usr/local/app/ready'],
  ["cp: cannot create regular file '/etc/ssl/certs/my.pem': Permission denied", 'unwritable_path', '/etc/ssl/certs/my.pem'],
  ["mkdir: can't create directory '/run/app': Permission denied", 'unwritable_path', '/run/app'],
  ['tee: /etc/hosts: Permission denied', 'unwritable_path', '/etc/hosts'],
  [
    "rm: cannot remove '/usr/share/nginx/html/index.html': Permission denied",
    'unwritable_path',
    '/usr/share/nginx/html/index.html',
  ],
  [
    '[alert] could not open error log file: open() "/var/log/httpd/error_log" failed (13: Permission denied)',
    'unwritable_path',
    '/var/log/httpd/error_log',
  ],
  [
    '[crit] 8#8: *1 mkdir() "/var/lib/nginx/proxy/1" failed (13: Permission denied) while reading upstream',
    'unwritable_path',
    '/var/lib/nginx/proxy/1',
  ],
  ['(13)Permission denied: AH00099: could not create /run/apache2/apache2.pid', 'unwritable_path', '/run/apache2/apache2.pid'],
  ["web_1  | Can't open /etc/app/secret.key for reading, Permission denied", 'unwritable_path', '/etc/app/secret.key'],
  ['Failed to write PID file /run/app.pid: Permission denied', 'unwritable_path', '/run/app.pid'],
  ['bind(/run/app/app.sock): Permission denied on unix socket /run/app/app.sock', 'unwritable_path', '/run/app/app.sock'],
  // volumes, homes, streams, read-only
  ["mkdir: cannot create directory '/var/lib/influxdb/meta': Permission denied", 'volume_ownership', '/var/lib/influxdb/meta'],
  ['error: open /data/raft/raft.db: permission denied', 'volume_ownership', '/data/raft/raft.db'],
  ["PermissionError: [Errno 13] Permission denied: '/mnt/models/cache'", 'volume_ownership', '/mnt/models/cache'],
  ["npm ERR! Error: EACCES: permission denied, mkdir '/.npm'", 'home_missing', '/.npm'],
  ["mkdir: cannot create directory '/nonexistent': Permission denied", 'home_missing', '/nonexistent'],
  ["OSError: [Errno 13] Permission denied: '/root/.config/app'", 'home_missing', '/root/.config/app'],
  ['open() "/proc/self/fd/1" failed (13: Permission denied)', 'dev_stdout', '/proc/self/fd/1'],
  ['cannot create /dev/stderr: Permission denied', 'dev_stdout', '/dev/stderr'],
  ["touch: cannot touch '/app/x': Read-only file system", 'readonly_rootfs', '/app/x'],
  ["OSError: [Errno 30] Read-only file system: '/app/__pycache__'", 'readonly_rootfs', '/app/__pycache__'],
  ["Error: EROFS: read-only file system, open '/app/run.lock'", 'readonly_rootfs', '/app/run.lock'],
  // identity
  ["chown: changing ownership of '/var/lib/redis': Operation not permitted", 'chown_denied', '/var/lib/redis'],
  ['chown: /var/lib/nats: Operation not permitted', 'chown_denied', '/var/lib/nats'],
  ['chown("/usr/local/thing/cache", 101) failed (1: Operation not permitted)', 'chown_denied', '/usr/local/thing/cache'],
  [
    'nginx: [emerg] chown("/var/cache/nginx/client_temp", 101) failed (1: Operation not permitted)',
    'chown_denied',
    '/var/cache/nginx/client_temp',
  ],
  ['PermissionError: [Errno 1] Operation not permitted: chmod', 'chown_denied'],
  ['2024/01/01 00:00:00 [emerg] 7#7: setgid(101) failed (1: Operation not permitted)', 'setuid_setgid_denied', 'setgid'],
  [
    '2024/01/01 00:00:00 [emerg] 7#7: initgroups(nginx, 101) failed (1: Operation not permitted)',
    'setuid_setgid_denied',
    'setgroups',
  ],
  ['setpriv: setresuid failed: Operation not permitted', 'setuid_setgid_denied', 'setuid'],
  ['su-exec: setgroups: Operation not permitted', 'setuid_setgid_denied', 'setgroups'],
  ['error: failed switching to "postgres": operation not permitted', 'setuid_setgid_denied', 'setuid'],
  ['chpst: fatal: unable to setgroups: permission denied', 'setuid_setgid_denied', 'setgroups'],
  ['su: cannot set groups: Operation not permitted', 'setuid_setgid_denied', 'setgroups'],
  ['whoami: cannot find name for user ID 10001', 'passwd_entry_missing', '/etc/passwd'],
  ['No user exists for uid 1000680000', 'passwd_entry_missing', '/etc/passwd'],
  ['initdb: error: could not look up effective user ID 12345: user does not exist', 'passwd_entry_missing', '/etc/passwd'],
  [
    'docker: Error response from daemon: unable to find user app: no matching entries in passwd file.',
    'passwd_entry_missing',
    '/etc/passwd',
  ],
  ['This script must be run as root', 'entrypoint_needs_root'],
  ['sshd: must be run as root', 'entrypoint_needs_root'],
  ["install: cannot change owner and permissions of '/var/lib/foo': Operation not permitted", 'chown_denied', '/var/lib/foo'],
  ["cp: failed to preserve ownership for '/data/x': Operation not permitted", 'chown_denied', '/data/x'],
  ['thing: fatal: the thing command is reserved for the superuser', 'entrypoint_needs_root'],
  // capabilities, devices, programs
  ['named: chroot(): Operation not permitted', 'capability_missing', 'SYS_CHROOT'],
  ['crun: chdir to `/home/app`: Permission denied: OCI permission denied', 'arbitrary_uid_openshift', '/home/app'],
  ['sh: ./run.sh: Permission denied', 'other', './run.sh'],
  ['FATAL:  data directory "/var/lib/thing/data" has wrong ownership', 'volume_ownership', '/var/lib/thing/data'],
  ["Error: You don't have write permissions for the /usr/local/thing directory.", 'unwritable_path', '/usr/local/thing'],
  ['panicked: failed to bind 0.0.0.0:80: Os { code: 13, kind: PermissionDenied }', 'low_port', '80'],
  ['Fatal: mkdir(): Permission denied in /var/www/html/vendor/x.php:10', 'unwritable_path'],
  ['exec /usr/sbin/thing: operation not permitted', 'file_caps_bounding', '/usr/sbin/thing'],
  ['bash: /usr/bin/ping: Operation not permitted', 'file_caps_bounding', '/usr/bin/ping'],
  ['sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set', 'no_new_privs', '/usr/bin/sudo'],
  ['ping: socktype: SOCK_RAW: Operation not permitted', 'ping_icmp', 'ICMP'],
  ['RTNETLINK answers: Operation not permitted', 'capability_missing', 'NET_ADMIN'],
  [
    'iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)',
    'capability_missing',
    'NET_ADMIN',
  ],
  ['mount: /mnt/x: permission denied.', 'capability_missing', '/mnt/x'],
  ['unshare: unshare failed: Operation not permitted', 'capability_missing', 'SYS_ADMIN'],
  ['Please start with --cap-add=SYS_PTRACE', 'capability_missing', 'SYS_PTRACE'],
  ['Could not access KVM kernel module: Permission denied', 'device_access', '/dev/kvm'],
  ['fuse: failed to open /dev/fuse: Operation not permitted', 'device_access', '/dev/fuse'],
  [
    'Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://x": dial unix',
    'device_access',
    '/var/run/docker.sock',
  ],
  ['sysctl: setting key "net.core.somaxconn": Read-only file system', 'sysctl', 'net.core.somaxconn'],
  ['sh: 1: cannot create /proc/sys/vm/overcommit_memory: Read-only file system', 'sysctl', 'vm.overcommit_memory'],
  [
    'E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)',
    'package_install',
    '/var/lib/dpkg/lock-frontend',
  ],
  [
    "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/usr/local/lib/python3.11/site-packages/x'",
    'package_install',
    '/usr/local/lib/python3.11/site-packages/x',
  ],
  ['type=AVC msg=audit(1.2:3): avc:  denied  { write } for  pid=1 comm="x" name="data" dev="sda1" tclass=dir', 'selinux', 'data'],
  [
    'Error: container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root',
    'nonnumeric_user',
    'app',
  ],
  [
    'pods "x" is forbidden: violates PodSecurity "baseline:latest": hostPath volumes (volume "data")',
    'pss_admission_denied',
    'hostPath',
  ],
  [
    'OCI runtime create failed: runc create failed: unable to start container process: exec: "/start.sh": permission denied: unknown',
    'other',
    '/start.sh',
  ],
];

/** Look-alikes: nothing here asks for a change of user, file or right in the container. */
const NOISE: readonly string[] = [
  'Server listening on 0.0.0.0 port 8080',
  '10.0.0.7 - - [01/Jan/2024:00:00:00 +0000] "GET /admin HTTP/1.1" 403 153 "-" "curl/8.0"',
  'git@github.com: Permission denied (publickey).',
  "ERROR 1045 (28000): Access denied for user 'app'@'10.0.0.5' (using password: YES)",
  'ERROR:  permission denied for table users',
  'bind() to 0.0.0.0:8080 failed (98: Address already in use)',
  'open() "/usr/share/nginx/html/favicon.ico" failed (2: No such file or directory)',
  "ls: cannot access '/data': No such file or directory",
  'nginx: [warn] the "user" directive makes sense only if the master process runs with super-user privileges, ignored in /etc/nginx/nginx.conf:2',
  'connect() failed (111: Connection refused) while connecting to upstream',
  'WARNING: Running pip as the root user can result in broken permissions',
  'Successfully dropped privileges to uid 1000',
  "chown: changed ownership of '/data' from root to app",
  'INFO  Listening on :80',
  '[notice] 1#1: start worker processes',
  'error: (AccessDenied) when calling the PutObject operation: AccessDenied: Access Denied',
  'User "system:serviceaccount:default:x" cannot list resource "pods" in API group "": pods is forbidden: User "system:serviceaccount:default:x" cannot list',
  "cat: can't open '/proc/42/environ': Permission denied",
  'Checking whether /data is writable ... ok',
  'Read-only file system support enabled',
  "mkdir: cannot create directory '/data/x': No space left on device",
  "NOTICE: [pool www] 'user' directive is ignored when FPM is not running as root",
  'exec: "node": executable file not found in $PATH: unknown',
];

describe('complaints in logs', () => {
  it.each(OWN.map(([line, category, subject]) => ({ line, category, subject })))('$line', ({ line, category, subject }) => {
    expect(classifyLogLine(line)).toMatchObject(subject === undefined ? { category } : { category, subject });
  });
  it.each(NOISE)('nothing in: %s', (line) => {
    expect(classifyLogLine(line)).toBeUndefined();
  });

  it('reads a whole log: line numbers, repetitions, ports and paths as such', () => {
    const log = [
      'starting',
      'nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)',
      '',
      "mkdir: cannot create directory '/app/x': Permission denied",
      'bind() to 0.0.0.0:80 failed (13: Permission denied)',
    ].join('\r\n');
    expect(logDenials(log)).toEqual([
      {
        category: 'low_port',
        subject: '80',
        port: 80,
        operation: 'bind',
        line: 2,
        repeated: 1,
        text: expect.stringContaining('nginx'),
      },
      {
        category: 'unwritable_path',
        subject: '/app/x',
        path: '/app/x',
        operation: 'mkdir',
        line: 4,
        repeated: 0,
        text: expect.stringContaining('mkdir'),
      },
    ]);
  });

  it('a start script that changes owners and then cannot become another user needs root', () => {
    const log = "chown: changing ownership of '/opt/thing/x': Operation not permitted\n";
    expect(logDenials(log).map((d) => d.category)).toEqual(['chown_denied']);
    expect(logDenials(`${log}error: failed switching to "app": operation not permitted\n`).map((d) => d.category)).toEqual([
      'entrypoint_needs_root',
      'setuid_setgid_denied',
    ]);
  });

  it('takes hostile lines in bounded time', () => {
    for (const piece of [
      '/',
      'a/',
      'permission denied ',
      '"',
      '(',
      ' bind ',
      '.',
      'open /',
      "'/x",
      'mount ',
      '\\"',
      '[1:',
      ': ',
    ]) {
      const start = performance.now();
      logDenials(`${piece.repeat(200_000 / piece.length)}: permission denied`);
      expect(performance.now() - start, piece).toBeLessThan(15_000);
    }
  });
});

const corpus: string = join(import.meta.dirname, '../../../shared/corpus/logs.txt');
const noise: string = join(import.meta.dirname, '../../../shared/corpus/logs_noise.txt');
if (!existsSync(corpus)) console.warn(`SKIPPED (real log lines): ${corpus} is not there`);
describe.skipIf(!existsSync(corpus))('real lines', () => {
  const rows = (file: string): string[][] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'));
  it('finds nearly all, names cause and subject right, and stays silent on harmless ones', () => {
    let found = 0;
    let category = 0;
    let subject = 0;
    const lines = rows(corpus);
    for (const [line, wanted, about] of lines) {
      const result = classifyLogLine(line!);
      if (result !== undefined) found++;
      if (result?.category === wanted) category++;
      if ((result?.subject ?? '?') === about) subject++;
    }
    const silent = existsSync(noise) ? rows(noise).filter(([line]) => classifyLogLine(line ?? '') === undefined).length : 0;
    const total = existsSync(noise) ? rows(noise).length : 0;
    const precision = found / (found + total - silent);
    console.log(
      `log denials: recall ${found}/${lines.length}, precision ${precision.toFixed(3)}, cause ${category}/${lines.length}, subject ${subject}/${lines.length}, silent on ${silent}/${total} harmless lines`,
    );
    expect(found / lines.length).toBeGreaterThan(0.97);
    expect(category / lines.length).toBeGreaterThan(0.9);
    expect(subject / lines.length).toBeGreaterThan(0.92);
    expect(silent).toBe(total);
  });
});
