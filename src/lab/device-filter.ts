/**
 * Which devices the processes of a control group of version 2 may open. There it is a program in the kernel (BPF_PROG_TYPE_CGROUP_DEVICE)
 * and not a file, and no everyday tool attaches one; so a few lines of Perl, which is wherever mmdebstrap is, make the two system calls. What is
 * attached stays as long as the group, and holds for all groups below, whatever they attach themselves.
 */
import { execFileSync } from 'node:child_process';
import { UnrootError } from '../error.ts';

/** Type, major number, minor number; absent = all. */
export type DeviceRule = readonly [type: 'b' | 'c', major: number, minor?: number];

/** What Docker lets every container use (moby oci/defaults.go). tun: runc 1.1 insists. */
export const CONTAINER_DEVICES: readonly DeviceRule[] = [
  ['c', 1, 3],
  ['c', 1, 5],
  ['c', 1, 7],
  ['c', 1, 8],
  ['c', 1, 9],
  ['c', 5, 0],
  ['c', 5, 2],
  ['c', 136],
  ['c', 10, 200],
];

/** linux/bpf.h: each instruction is code, registers, jump, value. Jumps to `allow` are filled in when its place is known. */
const ATTACH = String.raw`
use strict; use warnings;
my ($cgroup, @rules) = @ARGV;
my (@i, %label, @jumps);
sub ins { push @i, [@_]; }
sub jump { my ($code, $register, $value, $to) = @_; push @jumps, [scalar @i, $to]; ins($code, $register, 0, 0, $value); }
ins(0x61, 2, 1, 0, 0);       # r2 = access_type: what << 16 | kind of device
ins(0xbc, 3, 2, 0, 0);
ins(0x74, 3, 0, 0, 16);
jump(0x15, 3, 1, 'allow');   # making a node alone gives no access
ins(0x54, 2, 0, 0, 0xffff);
ins(0x61, 4, 1, 4, 0);       # major
ins(0x61, 5, 1, 8, 0);       # minor
for my $n (0 .. $#rules) {
  my ($type, $major, $minor) = split /:/, $rules[$n];
  jump(0x55, 2, $type eq 'b' ? 1 : 2, "next$n");
  jump(0x55, 4, $major, "next$n");
  jump(0x55, 5, $minor, "next$n") if defined $minor;
  jump(0x05, 0, 0, 'allow');
  $label{"next$n"} = @i;
}
ins(0xb7, 0, 0, 0, 0); ins(0x95, 0, 0, 0, 0);
$label{allow} = @i;
ins(0xb7, 0, 0, 0, 1); ins(0x95, 0, 0, 0, 0);
$i[$_->[0]][3] = $label{$_->[1]} - $_->[0] - 1 for @jumps;
my $program = join '', map { pack 'CCsl', $_->[0], $_->[1] | $_->[2] << 4, $_->[3], $_->[4] } @i;
my $license = "Apache-2.0\0";
my $machine = (split ' ', qx(uname -m))[0];
my $bpf = { x86_64 => 321, aarch64 => 280, riscv64 => 280, s390x => 351, ppc64le => 361 }->{$machine} or die "no number of bpf(2) for $machine\n";
my $load = pack('LLPPLLPLL', 15, scalar @i, $program, $license, 0, 0, undef, 0, 0) . "\0" x 64;
my $fd = syscall $bpf, 5, $load, length $load;
die "the program was not taken: $!\n" if $fd < 0;
sysopen my $folder, $cgroup, 0 or die "$cgroup: $!\n";
my $attach = pack('LLLL', fileno $folder, $fd, 6, 2) . "\0" x 64;
syscall($bpf, 8, $attach, length $attach) == 0 or die "the program was not attached: $!\n";
`;

/** Only these, from now on, and the making of nodes; throws `lab.no-device-filter`. */
export function limitDevices(cgroup: string, rules: readonly DeviceRule[]): void {
  try {
    execFileSync('perl', ['-e', ATTACH, cgroup, ...rules.map((rule) => rule.join(':'))], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 10_000,
    });
  } catch (cause) {
    const { stderr, code } = cause as { stderr?: Buffer; code?: string };
    const why = code === 'ENOENT' ? 'perl is not installed' : (stderr?.toString().trim() ?? (cause as Error).message);
    throw new UnrootError(`the devices of a node cannot be limited: ${why}`, {
      code: 'lab.no-device-filter',
      hint:
        code === 'ENOENT'
          ? 'apt-get install -y perl-base'
          : 'a node without that could open the disks of this machine, so none is started',
      cause,
    });
  }
}
