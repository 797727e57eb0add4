/**
 * What a process says of itself, held against what the kernel knows: its command line is memory of its own (proc_pid_cmdline(5)), the file it
 * executes is not; and being in a container's namespaces is not the same as having been started there.
 */
import { readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { openInside } from './inside.ts';
import { type NodeProcess, read } from './processes.ts';

/** As execvp(3) and dash look where nobody says otherwise. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The file it executes, as its own root has it; undefined when the process is gone. */
export function programOf(proc: string, pid: number): string | undefined {
  try {
    return readlinkSync(`${proc}/${pid}/exe`).replace(/ \(deleted\)$/, '');
  } catch {
    return undefined;
  }
}

/**
 * Whether the first word of its command line leads to what it executes (`/bin/sh` to dash), or is its name (`nginx: worker process`, a title
 * that nginx wrote over its own arguments). `exec -a` and `$0 =` make words that are neither.
 */
export function isWhatItSays(proc: string, { pid, argv }: Pick<NodeProcess, 'pid' | 'argv'>): boolean {
  const program = programOf(proc, pid);
  // A login shell has a dash before its name.
  const word = (argv[0] ?? '').split(/[\s:]/)[0]!.replace(/^-/, '');
  if (program === undefined || word === '') return false;
  if (basename(word) === basename(program)) return true;
  const folders = (read(`${proc}/${pid}/environ`) ?? '').split('\0').find((one) => one.startsWith('PATH='));
  const places = word.startsWith('/')
    ? [['root', word] as const]
    : word.includes('/')
      ? [['cwd', word] as const]
      : (folders?.slice('PATH='.length) ?? PATH).split(':').map((folder) => ['root', `${folder}/${word}`] as const);
  return places.some(([from, path]) => sameFile(`${proc}/${pid}/exe`, `${proc}/${pid}/${from}`, path));
}

function sameFile(exe: string, root: string, path: string): boolean {
  try {
    const found = openInside(root, path);
    try {
      const { dev, ino } = statSync(exe);
      return found?.stat.dev === dev && found.stat.ino === ino;
    } finally {
      found?.close();
    }
  } catch {
    return false;
  }
}

/**
 * A container's own processes are in the control group it was made in, and so are their children. Who entered it later (`enter`, nsenter,
 * `kubectl exec`) is in its namespaces and stays in the group he came from.
 */
export function broughtIn(one: NodeProcess, all: readonly NodeProcess[]): boolean {
  const node = all.find(({ pid }) => pid === 1);
  const first = all.find(({ pidInside, namespaces }) => pidInside === 1 && namespaces.pid === one.namespaces.pid);
  return (
    first !== undefined &&
    first.pid !== one.pid &&
    first.controlGroup !== node?.controlGroup &&
    one.controlGroup === node?.controlGroup
  );
}
