/** A network namespace of its own with the loopback up, by util-linux alone: the flags of an interface are a file of a sysfs mounted inside. */
export const INSIDE_NETWORK: readonly string[] = [
  'unshare',
  '--net',
  '--mount',
  '--',
  'sh',
  '-c',
  'mount -t sysfs sysfs /sys && echo 0x1 >/sys/class/net/lo/flags && exec "$@"',
  'sh',
];
