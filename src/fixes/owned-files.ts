/**
 * For programs that read a file only if it is their own, or only if nobody else may (sshd's StrictModes, fetchmail's and monit's control files,
 * Erlang's cookie): what the group was let into belongs to the recipient instead, with the mode that it had.
 */
import type { Fix } from '../finding/fix.ts';
import { octal } from '../text/octal.ts';
import type { FixContext } from './context.ts';

/**
 * `said`: the last words of the program; the files that it names there, or all that were shared when it names none. `seen`: what it asked the
 * owner of; a file of root's among them that it names is wanted too, though nothing of it was denied.
 */
export function ownedFiles(
  fixes: readonly Fix[],
  { recipient, rootFs, asIs }: FixContext,
  said: string,
  seen: ReadonlySet<string>,
): readonly Fix[] {
  // A uid that is not known beforehand owns nothing.
  if (recipient.arbitrary) return [];
  const shared = fixes.filter(({ id }) => id === 'share-file').map(({ subject }) => subject);
  const touched = new Set(fixes.flatMap(({ layer }) => layer.map(({ path }) => path)));
  const named = [...new Set([...shared, ...seen])].filter(
    (path) => says(said, path) && (shared.includes(path) || !touched.has(path)),
  );
  return (named.length > 0 ? named : shared).flatMap((path): Fix[] => {
    const entry = rootFs.get(path);
    if (entry?.type !== 'file' || entry.uid !== asIs.uid) return [];
    const { uid, gid } = recipient;
    const mode = entry.mode | 0o400;
    return [
      {
        id: 'own-path',
        subject: path,
        title: `${path}: ${octal(entry.mode)} ${entry.uid}:${entry.gid} → ${octal(mode)} ${uid}:${gid}`,
        disposition: 'needs-review',
        answers: fixes.find(({ id, subject }) => id === 'share-file' && subject === path)?.answers ?? [],
        layer: [{ kind: 'own', path, uid, gid, mode }],
        run: {},
        note: 'the program takes it only when it is its own. The process may replace what is in it',
      },
    ];
  });
}

/** As a whole path, not as the beginning of a longer one. */
function says(said: string, path: string): boolean {
  for (let at = said.indexOf(path); at >= 0; at = said.indexOf(path, at + 1))
    if (!/[\w/.-]/.test(said[at - 1] ?? '') && !/[\w/]/.test(said[at + path.length] ?? '')) return true;
  return false;
}

/** The file is owned now: nobody need be let in beside. */
export const isSharedBeside = (fix: Fix, others: readonly Fix[]): boolean =>
  fix.id === 'share-file' && others.some(({ id, subject }) => id === 'own-path' && subject === fix.subject);
