#!/usr/bin/perl
# Performs operations for real, with a chosen identity, through raw system calls, and reports each errno.
# perl-base is on every Debian machine, starts in 3 ms, and has syscall(). Reads tab-separated lines, see main loop; prints tab-separated lines.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :mode O_DIRECTORY O_NOFOLLOW);
use Socket;

my $machine = (split ' ', `uname -m`)[0];
my %number = $machine eq 'aarch64'
  ? (openat => 56, close => 57, newfstatat => 79, faccessat => 48, chdir => 49, readlinkat => 78, mkdirat => 34, unlinkat => 35,
     renameat2 => 276, linkat => 37, symlinkat => 36, mknodat => 33, fchmodat => 53, fchownat => 54, truncate => 45, utimensat => 88,
     setxattr => 5, lgetxattr => 9, chroot => 51, setgroups => 159, setresgid => 149, setresuid => 147, capset => 91, prctl => 167,
     unshare => 97, mount => 40, setuid => 146, setgid => 144, setpriority => 140, sethostname => 161, kill => 129, execve => 221)
  : (openat => 257, close => 3, newfstatat => 262, faccessat => 269, chdir => 80, readlinkat => 267, mkdirat => 258, unlinkat => 263,
     renameat2 => 316, linkat => 265, symlinkat => 266, mknodat => 259, fchmodat => 268, fchownat => 260, truncate => 76, utimensat => 280,
     setxattr => 188, lgetxattr => 192, chroot => 161, setgroups => 116, setresgid => 119, setresuid => 117, capset => 126, prctl => 157,
     unshare => 272, mount => 165, setuid => 105, setgid => 106, setpriority => 141, sethostname => 170, kill => 62, execve => 59);
my $CWD = -100;
my $NOFOLLOW = 0x100;

sub call { my $name = shift; my $got = syscall($number{$name}, @_); return $got < 0 ? $! + 0 : 0 }
sub forked { my ($work) = @_; my $pid = fork; if (!$pid) { require POSIX; POSIX::_exit($work->()) } waitpid $pid, 0; return $? >> 8 }
sub openflags {
  my %known = (r => O_RDONLY, w => O_WRONLY, b => O_RDWR, c => O_CREAT, x => O_EXCL, t => O_TRUNC, d => O_DIRECTORY, n => O_NOFOLLOW,
    p => 010000000, T => 020000000 | O_DIRECTORY);
  my $flags = O_NONBLOCK; $flags |= $known{$_} for split //, $_[0]; return $flags;
}
sub sockaddr { return pack('S a*', 1, $_[0] . "\0") }

my %do = (
  open => sub { my ($p, $f, $m) = @_; my $fd = syscall($number{openat}, $CWD, $p, openflags($f), $m + 0); return $! + 0 if $fd < 0;
    syscall($number{close}, $fd); 0 },
  stat => sub { my $b = "\0" x 256; call('newfstatat', $CWD, $_[0], $b, $_[1] ? $NOFOLLOW : 0) },
  access => sub { call('faccessat', $CWD, $_[0], $_[1] + 0) },
  chdir => sub { my $e = call('chdir', $_[0]); chdir '/'; $e },
  readlink => sub { my $b = "\0" x 4096; call('readlinkat', $CWD, $_[0], $b, 4096) },
  mkdir => sub { call('mkdirat', $CWD, $_[0], $_[1] + 0) },
  rmdir => sub { call('unlinkat', $CWD, $_[0], 0x200) },
  unlink => sub { call('unlinkat', $CWD, $_[0], 0) },
  rename => sub { call('renameat2', $CWD, $_[0], $CWD, $_[1], 0) },
  link => sub { call('linkat', $CWD, $_[0], $CWD, $_[1], 0) },
  symlink => sub { call('symlinkat', $_[1], $CWD, $_[0]) },
  mknod => sub { call('mknodat', $CWD, $_[0], $_[1] + 0, $_[2] + 0) },
  chmod => sub { call('fchmodat', $CWD, $_[0], $_[1] + 0) },
  chown => sub { call('fchownat', $CWD, $_[0], $_[1] + 0, $_[2] + 0, $_[3] ? $NOFOLLOW : 0) },
  truncate => sub { call('truncate', $_[0], 0) },
  utimes => sub { my $set = pack('q4', 1, 0, 1, 0); call('utimensat', $CWD, $_[0], $_[1] ? 0 : $set, $_[2] ? $NOFOLLOW : 0) },
  setxattr => sub { my $v = pack('H*', $_[2]); call('setxattr', $_[0], $_[1], $v, length $v, 0) },
  'bind-unix' => sub { my ($p) = @_; socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; bind($s, sockaddr($p)) ? 0 : $! + 0 },
  'connect-unix' => sub { my ($p) = @_; socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; connect($s, sockaddr($p)) ? 0 : $! + 0 },
  exec => sub { my ($p) = @_; forked(sub { my $argv = pack('pQ', $p, 0); my $env = pack('Q', 0); call('execve', $p, $argv, $env) }) },
  status => sub { my ($p) = @_; my $file = '/proc/self/status';                # as exec, of a copy of cat: who is it afterwards?
    forked(sub { my $argv = pack('ppQ', $p, $file, 0); my $env = pack('Q', 0); call('execve', $p, $argv, $env) }) },
  setcap => sub { my $v = pack('H*', $_[1]); my $n = 'security.capability'; call('setxattr', $_[0], $n, $v, length $v, 0) },
  chroot => sub { my ($p) = @_; forked(sub { call('chroot', $p) }) },
  bind => sub { my ($type, $port) = @_;
    socket(my $s, AF_INET, $type eq 'udp' ? SOCK_DGRAM : SOCK_STREAM, 0) or die; bind($s, sockaddr_in($port, INADDR_ANY)) ? 0 : $! + 0 },
  socket => sub { my ($type) = @_;
    my @how = $type eq 'raw' ? (AF_INET, SOCK_RAW, 1) : $type eq 'packet' ? (17, SOCK_RAW, 0) : $type eq 'ping' ? (AF_INET, SOCK_DGRAM, 1) : (16, SOCK_RAW, 0);
    socket(my $s, $how[0], $how[1], $how[2]) ? 0 : $! + 0 },
  setuid => sub { my @i = @_; forked(sub { call('setresuid', map { $_ + 0 } @i) }) },
  setgid => sub { my @i = @_; forked(sub { call('setresgid', map { $_ + 0 } @i) }) },
  setgroups => sub { my @g = @_; forked(sub { my $list = pack('L*', @g); call('setgroups', scalar @g, $list) }) },
  mount => sub { my ($p) = @_; forked(sub { call('mount', $p, $p, 0, 0x1000, 0) }) },
  priority => sub { forked(sub { call('setpriority', 0, 0, -5) }) },
  unshare => sub { my ($flags) = @_; forked(sub { call('unshare', $flags + 0) }) },
  sethostname => sub { my $n = 'x'; call('sethostname', $n, 1) },
  'bounding-drop' => sub { forked(sub { call('prctl', 24, 0, 0, 0, 0) }) },
  kill => sub { call('kill', $_[0] + 0, 0) },
);

# Real, effective and saved ids, groups, and exactly these capabilities, permitted and effective.
sub become {
  my ($uid, $gid, $groups, $mask, $umask, $inheritable, $ambient, $drop, $nnp) = @_;
  my @groups = split /,/, $groups;
  my $list = pack('L*', @groups);
  if (defined $inheritable) {                                                   # while still all-powerful
    open(my $status, '<', '/proc/self/status') or die; my ($all) = map { /^CapPrm:\s*(\w+)/ ? $1 : () } <$status>;
    die "capset $!" if capset($all, $all, $inheritable);
    for my $cap (split /,/, $drop) { die "drop $cap $!" if call('prctl', 24, $cap + 0, 0, 0, 0) }
  }
  call('prctl', 8, 1, 0, 0, 0);
  die 'setgroups' if call('setgroups', scalar @groups, $list);
  die 'setresgid' if call('setresgid', $gid + 0, $gid + 0, $gid + 0);
  die 'setresuid' if call('setresuid', $uid + 0, $uid + 0, $uid + 0);
  die "capset $!" if capset($mask, $mask, $inheritable // '0' x 16);
  if (defined $ambient) { for my $cap (split /,/, $ambient) { die "ambient $cap $!" if call('prctl', 47, 2, $cap + 0, 0, 0) } }
  die 'nnp' if $nnp && call('prctl', 38, 1, 0, 0, 0);
  umask oct $umask;
}
sub capset {
  my $head = pack('L l', 0x20080522, 0);
  my $data = pack('L6', (map { hex substr($_, 8, 8) } @_), map { hex substr($_, 0, 8) } @_);
  return call('capset', $head, $data);
}

sub attribute { my ($path, $name) = @_; my $b = "\0" x 4096; my $n = syscall($number{lgetxattr}, $path, $name, $b, 4096);
  return $n < 0 ? '' : unpack('H*', substr($b, 0, $n)) }
sub dump_tree {
  my ($path) = @_;
  my @s = lstat $path or return;
  my $target = S_ISLNK($s[2]) ? readlink $path : '';
  print join("\t", 'entry', $path, $s[2], $s[4], $s[5], $target, attribute($path, 'system.posix_acl_access'),
    attribute($path, 'system.posix_acl_default'), attribute($path, 'security.capability')), "\n";
  return unless S_ISDIR($s[2]);
  opendir(my $d, $path) or return;
  dump_tree("$path/$_") for sort grep { $_ ne '.' && $_ ne '..' } readdir $d;
}
sub writefile { my ($path, $text) = @_; open(my $f, '>', $path) or die "$path $!"; print $f $text; close $f or die "$path $!" }

$| = 1;
umask 0;
my @lines = map { chomp; [split /\t/, $_, -1] } <STDIN>;
while (my $line = shift @lines) {
  my ($what, @rest) = @$line;
  if ($what eq 'copy') { local $/; open(my $in, '<', $rest[0]) or die; my $data = <$in>; writefile($rest[1], $data) }
  elsif ($what eq 'unshare') { die "unshare $!" if call('unshare', $rest[0] + 0);
    my ($none, $root) = ('none', '/'); call('mount', $none, $root, 0, 0x44000, 0) }
  elsif ($what eq 'write') { writefile(@rest) }
  elsif ($what eq 'mount') { my ($path, $flags) = @rest;                       # a bind mount of a directory on itself
    die "mount $!" if call('mount', $path, $path, 0, 0x1000, 0);
    die "remount $!" if call('mount', $path, $path, 0, 0x1020 | $flags, 0) }
  elsif ($what eq 'dump') { dump_tree($rest[0]) }
  elsif ($what eq 'build') { my $op = shift @rest; $do{$op}->(@rest) }
  elsif ($what eq 'as') {                                                       # every `do` line that follows, in one child
    my @todo; push @todo, shift @lines while @lines && $lines[0][0] eq 'do';
    my $pid = fork;
    if (!$pid) {
      become(@rest);
      for my $todo (@todo) { my (undef, $op, @args) = @$todo; my $errno = $do{$op}->(@args); print "did\t$errno\n" }
      require POSIX; POSIX::_exit(0);
    }
    waitpid $pid, 0; die "child: $?" if $?;
  }
  else { die "unknown line $what" }
}
