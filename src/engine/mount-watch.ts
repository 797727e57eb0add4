/** Volumes, binds and tmpfs of a container: what they held before the program started, and what changed since. */
import { lstatSync, readFileSync } from 'node:fs';
import { folderChanges, type Snapshot, snapshot } from './changes.ts';
import type { FileChange } from './engine.ts';

/** `folder` is the host's view of what is mounted at `target`. */
export interface WatchedMount {
  readonly target: string;
  readonly folder: string;
}

export interface MountWatch {
  changes(): FileChange[];
}

/** Takes the first look now; with `root-only` everything below the mount's root counts as new, for mounts that begin empty. */
export function watchMounts(mounts: readonly WatchedMount[], first: 'now' | 'root-only' = 'now'): MountWatch {
  const before = new Map<WatchedMount, Snapshot>(
    mounts.map((mount) => {
      const found = snapshot(mount.folder);
      return [mount, first === 'now' ? found : new Map([...found].slice(0, 1))];
    }),
  );
  return {
    changes: () =>
      [...before].flatMap(([{ target, folder }, then]) => {
        const now = snapshot(folder);
        // A tmpfs ends with its last process: that is not a deletion of everything by the program.
        return now.size === 0 && folder.startsWith('/proc/') ? [] : folderChanges(target, then, now);
      }),
  };
}

/**
 * The host's path to a tmpfs of another mount namespace, through /proc/PID/root. Undefined when nothing of that kind is mounted there, or
 * when a component is a symbolic link: an absolute one would lead out into the host's tree.
 */
export function tmpfsOf(pid: number, target: string): string | undefined {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n');
  const mounted = lines.some((line) => {
    const [left, right] = line.split(' - ');
    // Octal escapes for blanks and the like, proc_pid_mountinfo(5).
    const point = left
      ?.split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
    return point === target && right?.startsWith('tmpfs ');
  });
  if (!mounted) return undefined;
  let path = `/proc/${pid}/root`;
  for (const part of target.split('/').filter(Boolean)) {
    path += `/${part}`;
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  }
  return path;
}
