/** Device nodes of this machine, for those that a run hands in because its user asked for them. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceNode, Launch } from '../launch/launch.ts';
import type { Inode } from '../linux/inode.ts';
import { insidePath } from './rootfs/inside.ts';

export interface HostDevice {
  readonly inode: Inode;
  readonly node: DeviceNode;
}

/** The node at a path below a root; undefined when there is none, or no device. */
export function hostDevice(root: string, path: string): HostDevice | undefined {
  const inside = insidePath(root, path);
  const stat = inside === undefined ? undefined : statSync(join(root, inside), { throwIfNoEntry: false });
  if (stat === undefined || !(stat.isBlockDevice() || stat.isCharacterDevice())) return undefined;
  const block = stat.isBlockDevice();
  const { uid, gid, mode, rdev } = stat;
  return {
    inode: { type: block ? 'block-device' : 'character-device', uid, gid, mode: mode & 0o7777 },
    // makedev(3): minor 20 bits in two parts around the major's 12.
    node: { type: block ? 'b' : 'c', major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) },
  };
}

/** The launch with the numbers of the nodes it is handed: an engine that can makes them. */
export function withDeviceNodes(launch: Launch, found: ReadonlyMap<string, HostDevice>): Launch {
  if (launch.devices === undefined) return launch;
  return {
    ...launch,
    devices: launch.devices.map((device) => {
      const node = found.get(device.source)?.node;
      return node === undefined ? device : { ...device, node };
    }),
  };
}
