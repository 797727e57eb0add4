/** What a launch is handed from outside, devices and files a platform writes, and an engine does not hand in: in words, for `differences`. */
import type { Launch } from '../launch/launch.ts';

/** How many names one sentence lists. */
const LISTED = 3;

/** Volumes with known files: the kubelet writes secrets, tokens and single files of a subPath; an engine's volume starts out without them. */
export function entryDifferences(engine: string, launch: Launch): readonly string[] {
  return launch.mounts.flatMap(({ type, target, entries }): string[] => {
    if (type === 'bind' || entries === undefined) return [];
    if (entries.some(({ path, inode }) => path === '' && inode.type !== 'directory'))
      return [`${engine} mounts an empty folder at ${target}, which is a single file on the platform`];
    const names = entries.filter(({ path, inode }) => path !== '' && inode.type !== 'directory').map(({ path }) => path);
    if (names.length === 0) return [];
    const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
    return [`${engine} leaves the volume at ${target} without ${names.slice(0, LISTED).join(', ')}${more}`];
  });
}

/** Of an engine that makes none. */
export function deviceDifferences(engine: string, launch: Launch): readonly string[] {
  return (launch.devices ?? []).map(({ path, source }) => `${engine} does not hand in the device ${source} (as ${path})`);
}

/** Of an engine that hands devices in as the host has them. */
export function deviceOwnerDifferences(engine: string, launch: Launch): readonly string[] {
  if (launch.platform.deviceOwnershipFromSecurityContext !== true) return [];
  return (launch.devices ?? []).flatMap(({ path, source, inode }): string[] =>
    inode === undefined
      ? []
      : [`${engine} leaves ${path} to the owner of ${source} on this host, not to ${inode.uid}:${inode.gid}`],
  );
}
