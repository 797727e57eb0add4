/**
 * For a process that was started by chroot(8): setns(2) leads to the root of the mount namespace, which is not the root we see, and a container
 * whose root hangs below that one could climb out of it (chroot and `..` are allowed to Docker's root). So the container's own mount namespace
 * is first given our root as its root; from there on all is as on a machine of our own.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type ToolBox, toolBox } from './builtin-tools.ts';
import { quote } from './reaper.ts';

/** The machine's property, not the container's. */
let chrooted: boolean | undefined;

/** Is our root another than that of our mount namespace? `folder` holds a box with `sh`, which is all that can be run on both sides. */
export function isChrooted(folder: string, box: ToolBox): boolean {
  if (chrooted !== undefined) return chrooted;
  const real = realpathSync(folder);
  const ours = '../'.repeat(real.split('/').length - 1);
  // The same folder of the same mount? A bind mount of / has the inode of /.
  const compare = `[ / -ef ${ours} ] && { exec 3</; while read -r name id; do echo "$name $id"; done <${ours}proc/self/fdinfo/3; }`;
  const { stdout } = spawnSync('nsenter', [...atRoot(real), ...box.command('sh'), '-c', compare], { encoding: 'utf8' });
  const fd = openSync('/', constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const mount = /^mnt_id:.*$/m;
    chrooted = mount.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[0].replace(/\s+/, ' ') !== mount.exec(stdout)?.[0];
  } finally {
    closeSync(fd);
  }
  return chrooted;
}

/** First lines of a script in a new mount namespace whose propagation is unchanged; it is run again, with `rooted`, at its own root. */
export function rerootLines(home: string, script: string, box: string): readonly string[] {
  const real = realpathSync(home);
  const tools = join(real, 'reroot');
  const command = toolBox(tools, ['sh', 'mount', 'pivot_root']).command;
  const old = join(real, 'old');
  mkdirSync(old);
  const enter = ['nsenter', ...atRoot(tools)].map(quote).join(' ');
  const pivot = `${command('pivot_root').join(' ')} ../box "../box$1" && cd / && umount -l "$1" && exec sh "$2" rooted`;
  return [
    'if [ "$*" != rooted ]; then',
    // Seen from outside, where it is the whole of the namespace: a mount that others share would appear there too.
    `${enter} ${[...command('mount'), '--make-rprivate', '/'].join(' ')}`,
    `mount --rbind / ${quote(box)}`,
    `exec ${enter} ${[...command('sh'), '-c', pivot, 'unroot', old, script].map(quote).join(' ')}`,
    'fi',
  ];
}

/** At the root of the mount namespace, in a folder of ours, which is opened before. */
function atRoot(folder: string): readonly string[] {
  return ['--mount=/proc/self/ns/mnt', `--wd=${folder}`, '--'];
}
