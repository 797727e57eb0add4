/** Device nodes that are handed in: what they look like inside. */
import { atoi } from '../linux/go-text.ts';
import type { Inode } from '../linux/inode.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { HostFacts } from './input.ts';
import type { Derivation, LaunchDevice } from './launch.ts';

export interface Devices {
  readonly devices: readonly LaunchDevice[];
  readonly because: readonly Derivation[];
}

/** The user and group the kubelet asks for, as far as it names numbers. */
export interface AskedIds {
  readonly uid?: number;
  readonly gid?: number;
}

/** Out of the user string a kubelet's runtime gets: `1000`, `app:3000`. */
export function askedIds(spec: string): AskedIds {
  const [user = '', group = ''] = spec.split(':');
  const [uid, gid] = [atoi(user), atoi(group)];
  return { ...(typeof uid === 'number' ? { uid } : {}), ...(typeof gid === 'number' ? { gid } : {}) };
}

/** Owner and mode are the host's, unless the platform gives the node to who the pod asks for; then ids that are 0 or not asked for stay. */
export function devicesOf(
  settings: ContainerSettings,
  profile: PlatformProfile,
  host: HostFacts | undefined,
  asked: AskedIds,
): Devices {
  const because: Derivation[] = [];
  const devices = (settings.devices ?? []).map(({ source, target }): LaunchDevice => {
    const path = target ?? source;
    const found = host?.devices?.[source];
    if (found === undefined) {
      because.push({
        field: `devices.${path}`,
        value: '',
        source: `owner and mode are those of ${source} on the host`,
        where: { path },
      });
      return { path, source };
    }
    const given = profile.deviceOwnershipFromSecurityContext === true;
    const inode: Inode = given ? { ...found, uid: asked.uid || found.uid, gid: asked.gid || found.gid } : found;
    const rule = profile.sources.deviceOwnershipFromSecurityContext;
    because.push({
      field: `devices.${path}`,
      value: `${inode.uid}:${inode.gid} ${inode.mode.toString(8).padStart(4, '0')}`,
      source: `${given ? 'given to who the pod asks for' : `as ${source} on the host`}${rule === undefined ? '' : ` (${rule})`}`,
      where: { path },
    });
    return { path, source, inode };
  });
  return { devices, because };
}
