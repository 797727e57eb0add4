/** Where on the host each mount of a container has to be made, so that no symlink of the image leads it astray. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PlacedMount } from './builtin-script.ts';
import { insidePath } from './rootfs/inside.ts';
import type { SpecMount } from './spec.ts';

/** Mounts that the script goes on to use by their own path. */
const FIXED: readonly string[] = ['/proc', '/sys', '/dev'];

/** Makes the mount points that lie on disk; those inside a mount are left to the script. `refuse` gets the words when it cannot be. */
export function placeMounts(
  root: string,
  mounts: readonly SpecMount[],
  cwd: string,
  refuse: (words: string) => Error,
): readonly PlacedMount[] {
  const placed: (PlacedMount & { readonly resolved: string })[] = [];
  for (const mount of [...mounts, { destination: cwd || '/', type: 'none', source: '', options: [] }]) {
    const { destination } = mount;
    const inside = insidePath(root, destination);
    if (inside === undefined) throw refuse(`the mount point ${destination} is a loop of symbolic links`);
    const resolved = `/${inside}`;
    if (FIXED.includes(destination) && resolved !== destination)
      throw refuse(`${destination} must be mounted on an ordinary directory`);
    const file = mount.type === 'bind' && !isDirectory(mount.source, refuse, destination);
    const above = placed.filter((each) => each.type !== 'none' && resolved.startsWith(`${each.resolved}/`)).at(-1);
    let place = root + (resolved === '/' ? '' : resolved);
    if (above === undefined) make(place, file);
    else {
      const rest = resolved.slice(above.resolved.length);
      if (above.type === 'bind' && !above.file) {
        const within = insidePath(above.source, rest);
        if (within === undefined) throw refuse(`the mount point ${destination} is a loop of symbolic links`);
        make(join(above.source, within), file);
        place = join(above.place, within);
      } else place = above.place + rest;
    }
    placed.push({ ...mount, place, file, resolved });
  }
  return placed;
}

function isDirectory(path: string, refuse: (words: string) => Error, destination: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw refuse(`the bind mount at ${destination} needs ${path || 'a source'}, which is not there`);
  return stat.isDirectory();
}

/** As runtimes make them: root's, 0755. */
function make(place: string, file: boolean): void {
  if (!file) {
    mkdirSync(place, { recursive: true, mode: 0o755 });
    return;
  }
  mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
  if (!statSync(place, { throwIfNoEntry: false })) writeFileSync(place, '', { flag: 'wx', mode: 0o644 });
}
