/** What this machine limits or sets, as a Launch wants to know it. */
import { readFileSync, statSync } from 'node:fs';
import type { HostFacts } from '../../src/launch/input.ts';
import { capabilitiesFromMask } from '../../src/linux/capability.ts';

const read = (path: string): string => readFileSync(path, 'utf8').trim();

/** The devices that cases hand in; their nodes in the container come from the host's. */
const DEVICES = ['/dev/null', '/dev/kmsg'];

export function hostFacts(): HostFacts {
  const status = read('/proc/self/status');
  const [low = 1, high = 0] = read('/proc/sys/net/ipv4/ping_group_range').split(/\s+/).map(Number);
  return {
    bounding: capabilitiesFromMask(BigInt(`0x${/CapBnd:\t(\w+)/.exec(status)?.[1]}`)),
    kernel: {
      unprivilegedPortStart: Number(read('/proc/sys/net/ipv4/ip_unprivileged_port_start')),
      pingGroupRange: [low, high],
    },
    devices: Object.fromEntries(
      DEVICES.map((path) => {
        const { uid, gid, mode } = statSync(path);
        return [path, { type: 'character-device', uid, gid, mode: mode & 0o7777 }];
      }),
    ),
  };
}
