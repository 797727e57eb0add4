/** Facts that several platforms share. */

/** Day the whole table was last compared with its sources. */
export const AS_OF = '2026-11-21';

/** The PATH that Docker, Podman, containerd and CRI-O add when the image has none. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What Docker since 20.10 and containerd since 2.0 set in a private network namespace: no port is privileged, everyone may ping. */
export const LOW_PORTS_AND_PING: Readonly<Record<string, string>> = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};

export const LOW_PORTS_AND_PING_SOURCE = 'the ping range is left out when the engine itself runs in a user namespace';
