/** The mounts of a container as the kernel lists them, against those that the files of its Launch are said to live on. */
import { readFileSync } from 'node:fs';
import type { FileTree } from '../../src/linux/decision.ts';

export interface MountsCompared {
  readonly compared: number;
  readonly wrong: readonly string[];
}

/**
 * No Launch knows them: which version of control groups the machine has, and the account files that Podman binds over those of a read-only
 * root when it adds a user.
 */
const PASSED_OVER: ReadonlySet<string> = new Set(['/sys/fs/cgroup', '/etc/passwd', '/etc/group']);

/** `pid` is any process inside. What the tree does not know, and what masks a file of /proc or /sys, is passed over. */
export function compareMounts(pid: number, tree: FileTree): MountsCompared {
  const wrong: string[] = [];
  let compared = 0;
  for (const line of readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trimEnd().split('\n')) {
    // proc_pid_mountinfo(5): id, parent, device, root, mount point, options of the mount.
    const [, , , , point = '', options = ''] = line.split(' ');
    const node = tree.lookup(point);
    if (typeof node !== 'object' || PASSED_OVER.has(point)) continue;
    // Single files are bound with flags of their own, which matter to programs and devices only.
    const flagged = node.inode.type === 'directory';
    const real = options.split(',');
    const has = (name: string): boolean => (flagged || name === 'ro') && real.includes(name);
    const really = { mount: point, readOnly: has('ro'), noSuid: has('nosuid'), noExec: has('noexec'), noDev: has('nodev') };
    const { mount, readOnly = false, noSuid = false, noExec = false, noDev = false } = node;
    const said = { mount, readOnly, noSuid, noExec, noDev };
    compared += 1;
    if (JSON.stringify(said) !== JSON.stringify(really))
      wrong.push(`${point}: really ${JSON.stringify(really)}, said to be ${JSON.stringify(said)}`);
  }
  return { compared, wrong };
}
