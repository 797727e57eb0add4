import { describe, expect, it } from 'vitest';
import type { Operation } from '../../linux/operation.ts';
import { listeningPorts } from '../listening-ports.ts';
import { createStraceParser, parseStrace, type StraceParseOptions } from './strace-parse.ts';

/** The one operation of a one-line log. */
const operation = (call: string, options?: StraceParseOptions): Operation | undefined =>
  parseStrace(`77 1.5 ${call}\n`, options).events[0]?.operation;
const AT = 'AT_FDCWD</srv>';

describe('operations of single calls', () => {
  const cases: readonly (readonly [string, Operation])[] = [
    [
      `openat(${AT}, "log/a b.txt", O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC, 0640) = 3</srv/log/a b.txt>`,
      { kind: 'open', path: '/srv/log/a b.txt', access: 'write', create: true, append: true, mode: 0o640 },
    ],
    ['open("/etc/passwd", O_RDONLY) = 3', { kind: 'open', path: '/etc/passwd', access: 'read' }],
    [
      'open("/x", O_RDWR|O_CREAT|O_EXCL|O_TRUNC|O_NOFOLLOW, 0600) = -1 EEXIST (File exists)',
      {
        kind: 'open',
        path: '/x',
        access: 'read-write',
        create: true,
        exclusive: true,
        truncate: true,
        noFollow: true,
        mode: 0o600,
      },
    ],
    [
      `openat(5</data>, "sub//./f", O_PATH|O_DIRECTORY) = 6</data/sub/f>`,
      { kind: 'open', path: '/data/sub/f', access: 'path', directory: true },
    ],
    [
      `openat(${AT}, "/tmp", O_RDWR|O_TMPFILE|O_EXCL, 0600) = 3</tmp/#1>(deleted)`,
      { kind: 'open', path: '/tmp', access: 'read-write', tmpfile: true, mode: 0o600 },
    ],
    [
      `openat2(${AT}, "../run/x", {flags=O_RDWR|O_CREAT, mode=0644, resolve=RESOLVE_NO_MAGICLINKS}, 24) = 4</run/x>`,
      { kind: 'open', path: '/run/x', access: 'read-write', create: true, mode: 0o644 },
    ],
    ['creat("/a", 0666) = 3</a>', { kind: 'open', path: '/a', access: 'write', create: true, truncate: true, mode: 0o666 }],
    [
      'mkdir("/var/cache/nginx/client_temp", 0700) = -1 EACCES (Permission denied)',
      { kind: 'mkdir', path: '/var/cache/nginx/client_temp', mode: 0o700 },
    ],
    ['mkdirat(4</var>, "c", 01777) = 0', { kind: 'mkdir', path: '/var/c', mode: 0o1777 }],
    [`unlinkat(${AT}, "d", AT_REMOVEDIR) = 0`, { kind: 'rmdir', path: '/srv/d' }],
    [`unlinkat(${AT}, "d", 0) = 0`, { kind: 'unlink', path: '/srv/d' }],
    [`renameat2(${AT}, "a", 3</etc>, "b", RENAME_NOREPLACE) = 0`, { kind: 'rename', path: '/srv/a', to: '/etc/b' }],
    ['rename("/a", "/b") = 0', { kind: 'rename', path: '/a', to: '/b' }],
    [`linkat(${AT}, "a", ${AT}, "b", 0) = 0`, { kind: 'link', path: '/srv/a', to: '/srv/b' }],
    [`symlinkat("../x", ${AT}, "l") = 0`, { kind: 'symlink', path: '/srv/l', target: '../x' }],
    [
      `mknodat(${AT}, "/dev/x", S_IFCHR|0666, makedev(0x1, 0x3)) = -1 EPERM (Operation not permitted)`,
      { kind: 'mknod', path: '/dev/x', type: 'character-device', mode: 0o666 },
    ],
    ['mknod("/p", S_IFIFO|0600) = 0', { kind: 'mknod', path: '/p', type: 'fifo', mode: 0o600 }],
    ['chmod("/d", S_ISVTX|0777) = 0', { kind: 'chmod', path: '/d', mode: 0o1777 }],
    ['fchmod(9</var/x>(deleted), 0600) = 0', { kind: 'chmod', path: '/var/x', mode: 0o600 }],
    [`fchmodat(${AT}, "f", 0755) = 0`, { kind: 'chmod', path: '/srv/f', mode: 0o755 }],
    ['chown("/var/lib/x", 33, -1) = 0', { kind: 'chown', path: '/var/lib/x', uid: 33, gid: -1 }],
    ['lchown("/l", 4294967295, 5) = 0', { kind: 'chown', path: '/l', uid: -1, gid: 5, noFollow: true }],
    [`fchownat(${AT}, "/l", 1, 2, AT_SYMLINK_NOFOLLOW) = 0`, { kind: 'chown', path: '/l', uid: 1, gid: 2, noFollow: true }],
    ['fchownat(7</q>, "", 1, 2, AT_EMPTY_PATH) = 0', { kind: 'chown', path: '/q', uid: 1, gid: 2 }],
    ['fchown(1<pipe:[99]>, 33, 33) = 0', { kind: 'chown', path: '/proc/self/fd/1', uid: 33, gid: 33 }],
    ['truncate("/t", 0) = 0', { kind: 'truncate', path: '/t' }],
    ['utimensat(4</f>, NULL, [{tv_sec=1, tv_nsec=0} /* 1970 */, UTIME_OMIT], 0) = 0', { kind: 'utimes', path: '/f', now: false }],
    [`utimensat(${AT}, "f", NULL, 0) = 0`, { kind: 'utimes', path: '/srv/f', now: true }],
    [
      `utimensat(${AT}, "f", [UTIME_NOW, UTIME_NOW], AT_SYMLINK_NOFOLLOW) = 0`,
      { kind: 'utimes', path: '/srv/f', now: true, noFollow: true },
    ],
    ['setxattr("/f", "security.capability", "\\1\\0", 20, 0) = 0', { kind: 'setxattr', path: '/f', name: 'security.capability' }],
    ['access("/x", R_OK|W_OK) = -1 EACCES (Permission denied)', { kind: 'access', path: '/x', want: 6 }],
    [`faccessat2(${AT}, "x", X_OK, AT_EACCESS) = 0`, { kind: 'access', path: '/srv/x', want: 1 }],
    [
      `newfstatat(${AT}, "x", {st_mode=S_IFREG|0644, ...}, AT_SYMLINK_NOFOLLOW) = 0`,
      { kind: 'stat', path: '/srv/x', noFollow: true },
    ],
    ['lstat("/x", 0x7ffd) = -1 ENOENT (No such file or directory)', { kind: 'stat', path: '/x', noFollow: true }],
    ['readlink("/proc/self/exe", "/usr/bin/perl", 4095) = 13', { kind: 'readlink', path: '/proc/self/exe' }],
    [
      'execve("/usr/sbin/nginx", ["nginx", "-g", "daemon off;"], 0x55 /* 4 vars */) = 0',
      { kind: 'exec', path: '/usr/sbin/nginx', argv: ['nginx', '-g', 'daemon off;'] },
    ],
    [
      'bind(3<socket:[5]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("0.0.0.0")}, 16) = 0',
      { kind: 'bind', protocol: 'tcp', address: '0.0.0.0', port: 80 },
    ],
    [
      'bind(3, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = -1 EACCES (Permission denied)',
      { kind: 'bind', protocol: 'tcp', address: '::1', port: 443 },
    ],
    [
      'bind(3<socket:[5]>, {sa_family=AF_UNIX, sun_path="/run/a, \\"b\\".sock"}, 110) = 0',
      { kind: 'bind-unix', path: '/run/a, "b".sock' },
    ],
    ['bind(3<socket:[5]>, {sa_family=AF_UNIX, sun_path=@"abs"}, 6) = 0', { kind: 'bind-unix', path: '@abs' }],
    [
      'connect(3<socket:[5]>, {sa_family=AF_UNIX, sun_path="/dev/log"}, 110) = -1 ENOENT (No such file or directory)',
      { kind: 'connect-unix', path: '/dev/log' },
    ],
    [
      'socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, htons(ETH_P_ALL)) = -1 EPERM (Operation not permitted)',
      { kind: 'socket', type: 'packet', family: 'packet' },
    ],
    [
      'socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) = -1 EPERM (Operation not permitted)',
      { kind: 'socket', type: 'raw', family: 'inet6' },
    ],
    ['socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) = 3<socket:[9]>', { kind: 'socket', type: 'ping', family: 'inet' }],
    ['setresuid(-1, 33, 4294967295) = 0', { kind: 'setuid', call: 'setresuid', ids: [-1, 33, -1] }],
    ['setgroups(2, [33, 4]) = -1 EPERM (Operation not permitted)', { kind: 'setgroups', groups: [33, 4] }],
    [
      'capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_CHOWN|1<<CAP_KILL, permitted=0, inheritable=0}) = 0',
      { kind: 'capset' },
    ],
    ['prctl(PR_CAPBSET_DROP, CAP_CHOWN) = 0', { kind: 'bounding-drop' }],
    ['umount2("/mnt", MNT_DETACH) = 0', { kind: 'mount', path: '/mnt', call: 'umount' }],
    [
      'mount("proc", "/proc", "proc", 0, NULL) = -1 EPERM (Operation not permitted)',
      { kind: 'mount', path: '/proc', call: 'mount' },
    ],
    ['unshare(CLONE_NEWNS|CLONE_NEWPID) = 0', { kind: 'unshare', flags: ['CLONE_NEWNS', 'CLONE_NEWPID'] }],
    [
      'clone(child_stack=NULL, flags=CLONE_NEWNET|SIGCHLD) = -1 EPERM (Operation not permitted)',
      { kind: 'unshare', flags: ['CLONE_NEWNET'] },
    ],
    ['setpriority(PRIO_PROCESS, 0, -5) = -1 EACCES (Permission denied)', { kind: 'priority', call: 'setpriority', lowers: true }],
    [
      'sched_setscheduler(0, SCHED_FIFO, [50]) = -1 EPERM (Operation not permitted)',
      { kind: 'priority', call: 'sched_setscheduler', lowers: true },
    ],
    [
      'prlimit64(0, RLIMIT_NOFILE, {rlim_cur=64*1024, rlim_max=64*1024}, {rlim_cur=1024, rlim_max=1024}) = 0',
      { kind: 'rlimit', resource: 'RLIMIT_NOFILE', raises: true },
    ],
    [
      'prlimit64(0, RLIMIT_NOFILE, {rlim_cur=512, rlim_max=512}, {rlim_cur=1024, rlim_max=1024}) = 0',
      { kind: 'rlimit', resource: 'RLIMIT_NOFILE', raises: false },
    ],
    ['sethostname("x", 1) = -1 EPERM (Operation not permitted)', { kind: 'sethostname' }],
    ['clock_settime(CLOCK_REALTIME, {tv_sec=1, tv_nsec=0}) = -1 EPERM (Operation not permitted)', { kind: 'settime' }],
    [
      'setsockopt(3<socket:[5]>, SOL_SOCKET, SO_MARK, [1], 4) = -1 EPERM (Operation not permitted)',
      { kind: 'setsockopt', name: 'SO_MARK' },
    ],
    ['chroot("/var/empty") = 0', { kind: 'chroot', path: '/var/empty' }],
  ];
  it.each(cases)('%s', (call, expected) => {
    expect(operation(call)).toEqual(expected);
  });

  it.each([
    'setsockopt(3, SOL_SOCKET, SO_PRIORITY, [6], 4) = 0',
    'setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0',
    'newfstatat(3</etc/passwd>, "", {st_mode=S_IFREG|0644, ...}, AT_EMPTY_PATH) = 0',
    'connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}, 16) = 0',
    'prctl(PR_SET_NAME, "x") = 0',
    'openat(AT_FDCWD, NULL, O_RDONLY) = -1 EFAULT (Bad address)',
    'openat(AT_FDCWD</>, "/x", O_RDONLY) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)',
    'read(3</secret>, "openat(AT_FDCWD, \\"/x\\", O_RDONLY) = 3", 100) = 4',
    'prlimit64(0, RLIMIT_NOFILE, NULL, {rlim_cur=1024, rlim_max=1024}) = 0',
  ])('no event: %s', (call) => {
    expect(operation(call)).toBeUndefined();
  });

  it('reads escapes as UTF-8, octal and hexadecimal, and parentheses inside strings', () => {
    expect(operation('mkdir("/t\\303\\251 \\"q\\" ) = 0\\n", 0777) = 0')).toEqual({
      kind: 'mkdir',
      path: '/té "q" ) = 0\n',
      mode: 0o777,
    });
    expect(operation('mkdir("\\x2f\\x61\\xc3\\xa9", 0777) = 0')).toEqual({ kind: 'mkdir', path: '/aé', mode: 0o777 });
  });
});

describe('processes', () => {
  it('follows directories through chdir, fchdir, fork and chroot', () => {
    const trace = parseStrace(`10 1.0 chdir("/var") = 0
10 1.1 clone(child_stack=NULL, flags=SIGCHLD) = 11
11 1.2 mkdir("a", 0700) = 0
11 1.3 chdir("lib") = 0
11 1.4 mkdir("b", 0700) = 0
10 1.5 mkdir("c", 0700) = 0
11 1.6 fchdir(5</opt/x>) = 0
11 1.7 mkdir("../d", 0700) = 0
11 1.8 chroot("/jail") = 0
11 1.9 mkdir("/e", 0700) = 0
11 2.0 openat(AT_FDCWD</opt/x>, "f", O_RDONLY) = 3</opt/x/f>
`);
    const paths = trace.events
      .filter((e) => e.operation.kind === 'mkdir' || e.operation.kind === 'open')
      .map((e) => (e.operation as { path: string }).path);
    expect(paths).toEqual(['/var/a', '/var/lib/b', '/var/c', '/opt/d', '/jail/e', '/opt/x/f']);
  });

  it('joins unfinished calls, whoever came in between, and gives vfork children their parent', () => {
    const trace = parseStrace(`100 1.0 chdir("/w") = 0
100 1.1 vfork( <unfinished ...>
101 1.2 execve("/bin/mkdir", ["mkdir", "d"], 0x5 /* 3 vars */ <unfinished ...>
100 1.3 <... vfork resumed>)             = 101
101 1.4 <... execve resumed>)            = 0
100 1.5 wait4(-1,  <unfinished ...>
101 1.6 mkdir("d", 0777 <unfinished ...>
102 1.65 +++ exited with 0 +++
101 1.7 <... mkdir resumed>)             = -1 EACCES (Permission denied)
101 1.8 exit_group(1)                    = ?
101 1.9 +++ exited with 1 +++
100 2.0 <... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 1}], 0, NULL) = 101
100 2.1 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=101, si_uid=0, si_status=1} ---
100 2.2 +++ killed by SIGTERM +++
`);
    const mkdir = trace.events.find((e) => e.operation.kind === 'mkdir');
    expect(mkdir).toMatchObject({ pid: 101, program: '/bin/mkdir', errno: 'EACCES', operation: { path: '/w/d' } });
    expect(trace.processes).toEqual([
      { pid: 100, argv: [], program: '', uid: 0, gid: 0, exit: { code: 143, signal: 'SIGTERM' } },
      { pid: 101, ppid: 100, argv: ['mkdir', 'd'], program: '/bin/mkdir', uid: 0, gid: 0, exit: { code: 1 } },
    ]);
  });

  it('matches forks across pid namespaces by their order, or by what the kernel says', () => {
    const log = `500 1.0 execve("/sh", ["sh"], 0x5 /* 3 vars */) = 0
500 1.1 clone(child_stack=NULL, flags=SIGCHLD) = 2
501 1.2 execve("/one", ["one"], 0x5 /* 3 vars */) = 0
501 1.3 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
500 1.4 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
503 1.5 mkdir("/by-sh", 0700) = 0
502 1.6 mkdir("/by-one", 0700) = 0
`;
    const parents: Record<number, { ppid: number; tgid: number; innerPid: number }> = {
      500: { ppid: 1, tgid: 500, innerPid: 1 },
      501: { ppid: 500, tgid: 501, innerPid: 2 },
      502: { ppid: 501, tgid: 502, innerPid: 3 },
      503: { ppid: 500, tgid: 503, innerPid: 4 },
    };
    const exact = parseStrace(log, { identify: (pid) => parents[pid] });
    expect(exact.processes.map((p) => [p.pid, p.ppid])).toEqual([
      [500, undefined],
      [501, 500],
      [503, 500],
      [502, 501],
    ]);
    expect(exact.events.filter((e) => e.operation.kind === 'mkdir').map((e) => e.program)).toEqual(['/sh', '/one']);
    expect(parseStrace(log).processes.map((p) => p.ppid !== undefined || p.pid === 500)).toEqual([true, true, true, true]);
  });

  it('knows a daemon by the number that its fork returned, when the kernel names whoever took it over', () => {
    const log = `500 1.0 execve("/sh", ["sh"], 0x5 /* 3 vars */) = 0
500 1.1 clone(child_stack=NULL, flags=SIGCHLD) = 2
501 1.2 execve("/daemon", ["daemon"], 0x5 /* 3 vars */) = 0
501 1.3 clone(child_stack=NULL, flags=SIGCHLD) = 3
501 1.4 +++ exited with 0 +++
502 1.5 mkdir("/by-daemon", 0700) = 0
`;
    const told: Record<number, { ppid: number; tgid: number; innerPid: number }> = {
      500: { ppid: 1, tgid: 500, innerPid: 1 },
      501: { ppid: 500, tgid: 501, innerPid: 2 },
      502: { ppid: 500, tgid: 502, innerPid: 3 },
    };
    const trace = parseStrace(log, { identify: (pid) => told[pid] });
    expect(trace.events.find((e) => e.operation.kind === 'mkdir')?.program).toBe('/daemon');
  });

  it('follows ids through setuid and friends, exec and fork, and believes what a program is told about itself', () => {
    const trace = parseStrace(`1 1.0 setgid(33) = 0
1 1.1 setresuid(33, 33, 0) = 0
1 1.2 mkdir("/as33", 0700) = 0
1 1.3 setresuid(-1, 0, -1) = 0
1 1.4 setuid(44) = -1 EPERM (Operation not permitted)
1 1.5 mkdir("/as0", 0700) = 0
1 1.6 setreuid(-1, 33) = 0
1 1.7 clone(child_stack=NULL, flags=SIGCHLD) = 2
2 1.8 execve("/usr/bin/sudo", ["sudo"], 0x1 /* 0 vars */) = 0
2 1.9 geteuid() = 0
2 2.0 mkdir("/sudo", 0700) = 0
`);
    expect(trace.events.filter((e) => e.operation.kind === 'mkdir').map((e) => [e.uid, e.gid])).toEqual([
      [33, 33],
      [0, 33],
      [0, 33],
    ]);
    expect(trace.events.find((e) => e.operation.kind === 'exec')?.uid).toBe(33);
  });

  it('knows threads: one process in the list, one directory for all', () => {
    const trace = parseStrace(`9 1.0 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD, stack=0x7}, 88) = 10
10 1.1 chdir("/t") = 0
9 1.2 mkdir("x", 0700) = 0
10 1.3 execve("/p", ["p"], 0x1 /* 0 vars */ <unfinished ...>
9 1.4 +++ superseded by execve in pid 10 +++
9 1.5 <... execve resumed>) = 0
9 1.6 mkdir("y", 0700) = 0
`);
    expect(trace.events.map((e) => (e.operation as { path: string }).path)).toEqual(['/t', '/t/x', '/p', '/t/y']);
    expect(trace.processes).toHaveLength(1);
    expect(trace.processes[0]).toMatchObject({ pid: 9, program: '/p', argv: ['p'] });
  });

  it('says whom a signal was for, and passes over signals to oneself', () => {
    const trace = parseStrace(`1 1.0 clone(child_stack=NULL, flags=SIGCHLD) = 2
2 1.1 setuid(33) = 0
1 1.2 kill(2, SIGTERM) = 0
1 1.3 kill(1, SIGUSR1) = 0
1 1.4 tgkill(1, 1, SIGABRT) = 0
`);
    expect(trace.events.filter((e) => e.operation.kind === 'kill').map((e) => e.operation)).toEqual([
      { kind: 'kill', pid: 2, signal: 'SIGTERM', targetUid: 33 },
    ]);
  });
});

describe('sockets', () => {
  it('lists the ports that were listened on, not those only bound', () => {
    const bind = (inode: number, port: number): string =>
      `bind(3<socket:[${inode}]>, {sa_family=AF_INET, sin_port=htons(${port}), sin_addr=inet_addr("0.0.0.0")}, 16) = 0`;
    const trace = parseStrace(`1 1.0 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 3<socket:[71]>
1 1.1 ${bind(71, 80)}
1 1.2 clone(child_stack=NULL, flags=SIGCHLD) = 2
2 1.3 listen(3<socket:[71]>, 511) = 0
1 1.4 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 4<socket:[72]>
1 1.5 ${bind(72, 81)}
1 1.6 socket(AF_INET6, SOCK_DGRAM|SOCK_NONBLOCK, IPPROTO_IP) = 5<socket:[73]>
1 1.7 bind(5<socket:[73]>, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::", &sin6_addr), sin6_scope_id=0}, 28) = 0
1 1.8 ${bind(74, 0)}
1 1.9 listen(3<socket:[74]>, 5) = 0
`);
    expect(listeningPorts(trace).map(({ protocol, address, port }) => `${protocol} ${address} ${port}`)).toEqual([
      'tcp 0.0.0.0 80',
      'udp :: 53',
    ]);
    expect(trace.events.filter((e) => e.operation.kind === 'bind').map((e) => (e.operation as { port: number }).port)).toEqual([
      80, 81, 53, 0,
    ]);
  });

  it('does so in a log without -y by the numbers of descriptors', () => {
    const trace = parseStrace(`1 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3
1 bind(3, {sa_family=AF_INET, sin_port=htons(6379), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
1 listen(3, 5) = 0
`);
    expect(listeningPorts(trace)).toEqual([{ protocol: 'tcp', address: '127.0.0.1', port: 6379, program: '' }]);
  });
});

describe('shapes of logs', () => {
  it.each([
    ['-f -o', '7  mkdir("/x", 0700) = 0'],
    ['-f', '[pid  7] mkdir("/x", 0700) = 0'],
    ['-f -tt', '[pid     7] 10:20:30.123456 mkdir("/x", 0700) = 0'],
    ['-f -r', '7       0.000123 mkdir("/x", 0700) = 0'],
    ['-f -ttt -r', '7 1795246887.931468 (+     0.000123) mkdir("/x", 0700) = 0'],
    ['-f -ttt -T', '7 1795246887.931468 mkdir("/x", 0700) = 0 <0.000015>'],
    ['-f -Y', '7<nginx> mkdir("/x", 0700) = 0'],
    ['-f -i', '7 [00007f1c2d3e4f50] mkdir("/x", 0700) = 0'],
    ['windows line ends', '7 mkdir("/x", 0700) = 0\r'],
  ])('%s', (_options, line) => {
    const trace = parseStrace(`${line}\n`);
    expect(trace.events).toHaveLength(1);
    expect(trace.events[0]).toMatchObject({ pid: 7, operation: { kind: 'mkdir', path: '/x', mode: 0o700 } });
    expect(trace.events[0]).not.toHaveProperty('errno');
  });

  it('a log to a terminal names processes only while there are several', () => {
    const trace = parseStrace(
      `execve("/a", ["a"], 0x1 /* 2 vars */) = 0
chdir("/w") = 0
clone(child_stack=NULL, flags=SIGCHLDstrace: Process 21 attached
) = 21
`.replace(
        'SIGCHLDstrace: Process 21 attached\n',
        'SIGCHLD <unfinished ...>\nstrace: Process 21 attached\n[pid    20] <... clone resumed>',
      ) +
        `[pid    21] mkdir("c", 0700) = 0
[pid    20] mkdir("p", 0700) = 0
[pid    21] +++ exited with 0 +++
mkdir("later", 0700) = 0
+++ exited with 3 +++
`,
    );
    expect(
      trace.events.filter((e) => e.operation.kind === 'mkdir').map((e) => [e.pid, (e.operation as { path: string }).path]),
    ).toEqual([
      [21, '/w/c'],
      [20, '/w/p'],
      [20, '/w/later'],
    ]);
    expect(trace.processes.map((p) => [p.pid, p.exit?.code])).toEqual([
      [20, 3],
      [21, 0],
    ]);
  });

  it('without -y, later calls on a descriptor mean the file it was opened on', () => {
    const trace = parseStrace(`1 openat(AT_FDCWD, "/var/log", O_RDONLY|O_DIRECTORY) = 3
1 dup2(3, 9) = 9
1 fchmodat(9, "a.log", 0640) = 0
1 fchown(3, 5, 5) = 0
1 close(3) = 0
1 fchown(3, 6, 6) = -1 EBADF (Bad file descriptor)
`);
    expect(trace.events.map((e) => e.operation).slice(1)).toEqual([
      { kind: 'chmod', path: '/var/log/a.log', mode: 0o640 },
      { kind: 'chown', path: '/var/log', uid: 5, gid: 5 },
    ]);
    expect(trace.events).toHaveLength(3);
  });

  it('keeps what a special path led to', () => {
    const trace = parseStrace(
      `1 1.0 openat(AT_FDCWD</>, "/dev/stdout", O_WRONLY) = 3<pipe:[8]>
1 1.1 dup2(4</log>, 2<pipe:[9]>) = 2</log>
1 1.2 openat(AT_FDCWD</>, "/proc/self/fd/2", O_WRONLY) = -1 EACCES (Permission denied)
`,
      { stdio: [undefined, 'pipe:[8]', 'pipe:[9]'] },
    );
    expect(trace.events.map((e) => e.resolved)).toEqual(['pipe:[8]', '/log']);
  });

  it('counts repetitions instead of keeping them, and keeps different users apart', () => {
    const lines = Array.from(
      { length: 1000 },
      (_, i) => `1 ${1795000000 + i}.0 stat("/x", 0x1) = -1 ENOENT (No such file or directory)`,
    );
    const trace = parseStrace(
      `${lines.join('\n')}\n1 1795001001.0 setuid(5) = 0\n1 1795001002.0 stat("/x", 0x1) = -1 ENOENT (No such file or directory)\n`,
    );
    expect(trace.events.map((e) => [e.operation.kind, e.uid, e.count ?? 1, e.seq, e.time])).toEqual([
      ['stat', 0, 1000, 0, 0],
      ['setuid', 0, 1, 1, 1001],
      ['stat', 5, 1, 2, 1002],
    ]);
  });

  it('is bounded in different events, drops lookups first and says so', () => {
    const lines: string[] = [];
    for (let i = 0; i < 50; i++)
      lines.push(
        `1 ${i}.0 stat("/s${i}", 0x1) = 0`,
        `1 ${i}.5 mkdir("/d${i}", 0700) = 0`,
        `1 ${i}.6 open("/e${i}", O_RDONLY) = -1 EACCES (Permission denied)`,
      );
    const trace = parseStrace(lines.join('\n'), { limit: 100 });
    expect(trace.events.filter((e) => e.operation.kind === 'mkdir')).toHaveLength(50);
    expect(trace.events.filter((e) => e.errno === 'EACCES')).toHaveLength(50);
    expect(trace.events.filter((e) => e.operation.kind === 'stat').length).toBeLessThan(50);
    expect(trace.blindSpots.join()).toMatch(/too long: \d+ further/);
  });

  it('takes pieces that end anywhere', () => {
    const log = `1 1.0 mkdir("/t\\303\\251", 0700) = 0\n1 1.1 chdir("/a") = 0\n1 1.2 mkdir("b", 0700 <unfinished ...>\n1 1.3 <... mkdir resumed>) = 0\n`;
    const whole = parseStrace(log);
    for (const size of [1, 2, 7, 31]) {
      const parser = createStraceParser();
      for (let i = 0; i < log.length; i += size) parser.push(log.slice(i, i + size));
      expect(parser.finish()).toEqual(whole);
    }
    expect(whole.events).toHaveLength(3);
  });

  it('survives anything', () => {
    const junk = [
      '',
      '\n\n',
      '(((',
      '1 open(',
      '1 open("',
      '1 open("/a',
      '1 <... open resumed>',
      '1 open("/a", O_RDONLY',
      '1 open("/a", O_RDONLY) =',
      '1 bind(3, {sa_family=AF_UNIX, sun_path="',
      '99999999999999999999 open("/a", O_RDONLY) = 3',
      '<html>',
      '\u0000\u0001',
      '1 execve("/a", [',
      '1 openat(3<, "x", O_RDONLY) = 3',
      '1 clone( <unfinished ...>',
    ];
    for (const a of junk) for (const b of junk) expect(() => parseStrace(`${a}\n${b}\n1 mkdir("/ok", 0700) = 0\n`)).not.toThrow();
    expect(parseStrace('1 open("/a\n1 mkdir("/ok", 0700) = 0\n').events).toHaveLength(1);
  });

  it('reads 30 MB in linear time and little memory', () => {
    const parser = createStraceParser();
    const block = Array.from(
      { length: 1000 },
      (_, i) =>
        `1 1795246887.93${i} openat(AT_FDCWD</var/www>, "assets/file-${i % 200}.html", O_RDONLY|O_CLOEXEC) = 9</var/www/assets/file-${i % 200}.html>`,
    ).join('\n');
    const time = (blocks: number): number => {
      const start = performance.now();
      for (let i = 0; i < blocks; i++) parser.push(`${block}\n`);
      return performance.now() - start;
    };
    time(20);
    const first = time(60);
    for (let i = 0; i < 2; i++) time(40);
    const last = time(60);
    expect(parser.finish().events).toHaveLength(200);
    expect(last).toBeLessThan(first * 3 + 100);
  });
});

describe('the start of the program', () => {
  const runtime = `7 1795000000.0 openat(AT_FDCWD</>, "/proc/self/fd/5", O_WRONLY|O_CLOEXEC) = 3</run/runc/x/exec.fifo>
7 1795000000.1 setgroups(1, [0]) = 0
8 1795000000.2 +++ exited with 0 +++
7 1795000000.3 execve("/usr/bin/app", ["app", "--long-op"...], 0xc0 /* 3 vars */) = 0
7 1795000000.4 mkdir("x", 0700) = 0
`;
  it('leaves out what the runtime did and begins as the launch says', () => {
    const trace = parseStrace(runtime, {
      initial: { uid: 5, gid: 6, cwd: '/home' },
      startsAt: { argv: ['app', '--long-option=1'] },
    });
    expect(trace.events.map((e) => [e.operation.kind, e.uid, e.gid, e.time])).toEqual([
      ['exec', 5, 6, 0],
      ['mkdir', 5, 6, expect.closeTo(0.1, 3)],
    ]);
    expect(trace.events[1]?.operation).toEqual({ kind: 'mkdir', path: '/home/x', mode: 0o700 });
    expect(trace.processes).toEqual([{ pid: 7, argv: ['app', '--long-option=1'], program: '/usr/bin/app', uid: 5, gid: 6 }]);
    expect(trace.blindSpots).toHaveLength(1);
  });
  it('passes helpers that run before it', () => {
    const log = `7 1.0 execve("/usr/bin/setpriv", ["setpriv", "app"], 0x1 /* 1 vars */) = 0\n7 1.1 setuid(5) = 0\n7 1.2 chroot("/tmp/root") = 0\n${runtime.replace('"x"', '"/x"')}7 1.5 fchmod(3</tmp/root/etc/y>, 0600) = 0\n`;
    const trace = parseStrace(log, {
      initial: { uid: 5, gid: 5 },
      startsAt: { argv: ['nothing'], executable: '/tmp/root/usr/bin/app' },
    });
    expect(trace.events.map((e) => [e.operation.kind, (e.operation as { path: string }).path])).toEqual([
      ['exec', '/tmp/root/usr/bin/app'],
      ['mkdir', '/x'],
      ['chmod', '/etc/y'],
    ]);
  });
  it('says when it was never seen, and then begins at the first program', () => {
    const trace = parseStrace(runtime, { startsAt: { argv: ['other'] } });
    expect(trace.events.map((e) => e.operation.kind)).toEqual(['exec', 'mkdir']);
    expect(trace.blindSpots.join()).toMatch(/not recognised/);
    expect(parseStrace('7 1.0 setuid(5) = 0\n', { startsAt: { argv: ['other'] } })).toMatchObject({
      events: [],
      blindSpots: [expect.anything(), expect.stringMatching(/before the program/)],
    });
  });
});
