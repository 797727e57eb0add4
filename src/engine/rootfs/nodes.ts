/** Device nodes and fifos, which Node cannot make: by mknod(1). */
import { execFileSync } from 'node:child_process';
import { linkSync } from 'node:fs';
import { join } from 'node:path';

/** ext4 allows 65000 hard links to one inode. */
const MAX_LINKS = 60_000;

/** A device node or fifo. Throws when that is refused, as inside most containers. */
export function mknod(file: string | Buffer, letter: 'c' | 'b' | 'p', major: number, minor: number): void {
  const numbers = letter === 'p' ? [] : [String(major), String(minor)];
  execFileSync('mknod', [String(file), letter, ...numbers], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Makes whiteouts (character devices 0:0). All are one inode, as overlayfs itself does it, so one mknod is enough for thousands. */
export function whiteoutMaker(scratch: string): (file: string | Buffer) => void {
  let made = 0;
  return (file) => {
    const original = join(scratch, `whiteout-${Math.floor(made / MAX_LINKS)}`);
    if (made % MAX_LINKS === 0) mknod(original, 'c', 0, 0);
    linkSync(original, file);
    made += 1;
  };
}
