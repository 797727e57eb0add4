/** Files and folders that lie in the image before the program makes them: it then needs no right to the directory they are in. */
import type { Fix, LayerChange } from '../finding/fix.ts';
import type { RootEntry } from '../image/image.ts';
import { childPath as child } from '../linux/file-path.ts';
import type { FixContext } from './context.ts';
import type { Need } from './need.ts';

/** `chmod g=u`. */
export const groupAsUser = (mode: number): number => (mode & ~0o070) | ((mode >> 3) & 0o070);

/** One fix for all that is made in one directory; `foreign`: what else that holds. */
export function makeChildren(
  entry: RootEntry,
  need: Need,
  answers: readonly string[],
  context: FixContext,
  foreign: readonly string[],
): Fix {
  const { uid, gid, arbitrary } = context.recipient;
  const layer = [...need.creates]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, make]): LayerChange => {
      const asked = make.mode & 0o777 & ~0o022;
      const mode = arbitrary ? groupAsUser(asked) : asked;
      const path = child(entry.path, name);
      return make.kind === 'directory'
        ? { kind: 'directory', path, uid: arbitrary ? 0 : uid, gid, mode: mode | (arbitrary ? 0o770 : 0o700) }
        : { kind: 'file', path, uid: arbitrary ? 0 : uid, gid, mode: mode | (arbitrary ? 0o660 : 0o600), content: '' };
    });
  return {
    id: 'make-beforehand',
    subject: entry.path,
    title: `Ship ${layer.map((change) => change.path).join(', ')} in the image, owned by ${arbitrary ? 'group 0' : `${uid}:${gid}`}`,
    disposition: 'safe',
    answers,
    layer,
    run: {},
    note: `${entry.path}${foreign.length === 0 ? '' : ` holds ${foreign.slice(0, 3).join(', ')}${foreign.length > 3 ? ' …' : ''} and`} stays as it is; the program opens these names without O_EXCL`,
  };
}

/** The same for names that stay, although nothing in the image says them. */
export const notSaid = (fix: Fix, names: readonly string[]): Fix => ({
  ...fix,
  disposition: 'needs-review',
  note: `${fix.note}. Nothing in the image says ${names.join(', ')}: it works as long as the program chooses the same ${names.length === 1 ? 'name' : 'names'} again`,
});
