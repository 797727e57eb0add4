/** A working directory that the image lacks: the runtime makes it just before the start, root's; in the image it can be the recipient's. */
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from './context.ts';
import type { Need } from './need.ts';

/** Undefined: the path is not that, or nothing is written there. (runc libcontainer/rootfs_linux.go: `os.MkdirAll` of the cwd, 0755.) */
export function missingWorkdir(need: Need, { target, recipient }: FixContext): Fix | undefined {
  if (need.path !== target.cwd || (!need.change && need.creates.size === 0 && !need.own)) return undefined;
  const { path } = need;
  const { uid, gid, arbitrary } = recipient;
  return {
    id: 'own-path',
    subject: path,
    title: `${path}: made, ${arbitrary ? `0775 0:${gid}` : `0755 ${uid}:${gid}`}`,
    disposition: 'safe',
    answers: [...need.answers].sort(),
    layer: [{ kind: 'directory', path, uid: arbitrary ? 0 : uid, gid, mode: arbitrary ? 0o775 : 0o755 }],
    run: {},
    note: 'the working directory, which the image lacks: otherwise the runtime makes it as root',
  };
}
