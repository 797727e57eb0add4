/** What a guest does from its kernel's start to the player's agent: two scripts, one in the first file system, one with the disk as its root. */

/** Where things lie in the guest. */
export const GUEST = {
  /** The program, the lab's files and images: a disk of this very start. */
  payload: '/opt/lab/payload',
  /** Node.js with its libraries, as tools.ts makes them. */
  tools: '/opt/lab/tools',
  node: '/usr/local/bin/node',
  /** Everything of nodes, in memory. */
  cache: '/run/lab-cache',
  /** Its one entry names the line to the player. */
  ports: '/sys/class/virtio-ports',
} as const;

/** With the disk as root. `$1`: whether SELinux was asked for. The agent is the learner's side of nothing: unconfined, as root's shell is. */
const SECOND = `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t tmpfs -o mode=0755 run /run
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs -o mode=0755 var /var/lib/nfs
mkdir -p ${GUEST.cache} /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=0620,ptmxmode=0666 devpts /dev/pts
mount -t cgroup2 cgroup /sys/fs/cgroup
echo 1 >/proc/sys/vm/panic_on_oom
for one in overlay loop; do modprobe $one; done
ip link set lo up
as=
context=
if [ "$1" = selinux ]; then
  /usr/sbin/load_policy -i || exit 1
  as='runcon -u unconfined_u -r unconfined_r -t unconfined_t -l s0'
  context=,context=system_u:object_r:usr_t:s0
fi
mount -t ext4 -o ro,nosuid,nodev$context /dev/vdb ${GUEST.payload} || exit 1
exec $as ${GUEST.node} ${GUEST.payload}/program/unroot.js lab guest agent
`;

/** `init` of the first file system. Its last words reach the player through the console. */
export const GUEST_INIT: string = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for one in /modules/*; do insmod "$one"; done
n=0
while [ ! -b /dev/vdb ] && [ $n -lt 100 ]; do n=$((n + 1)); usleep 50000; done
mount -t ext4 -o ro /dev/vda /root || { echo 'guest: no disk'; poweroff -f; }
mode=plain
grep -q security=selinux /proc/cmdline && mode=selinux
for one in proc sys dev; do mount --move /$one /root/$one; done
cat >/second <<'END'
${SECOND}END
exec switch_root /root /bin/bash -c '/bin/bash -c "$1" second "$2" </dev/null; echo "guest: the agent ended ($?)"; echo o >/proc/sysrq-trigger; sleep 9' init "$(cat /second)" "$mode"
`;
