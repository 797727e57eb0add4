/**
 * For programs that read a file only if it is their own, or only if nobody else may (sshd's StrictModes, fetchmail's and monit's control files,
 * Erlang's cookie): what the group was let into belongs to the recipient instead, with the mode that it had.
 */
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from './context.ts';

/** `said`: the last words of the program; the files that it names there, or all of them when it names none. */
export function ownedFiles(fixes: readonly Fix[], { recipient, rootFs }: FixContext, said: string): readonly Fix[] {
  // A uid that is not known beforehand owns nothing.
  if (recipient.arbitrary) return [];
  const shared = fixes.filter(({ id }) => id === 'share-file');
  const named = shared.filter(({ subject }) => said.includes(subject));
  return (named.length > 0 ? named : shared).flatMap((fix): Fix[] => {
    const entry = rootFs.get(fix.subject);
    if (entry === undefined) return [];
    const { uid, gid } = recipient;
    return [
      {
        ...fix,
        id: 'own-path',
        title: `${fix.subject}: ${octal(entry.mode)} ${entry.uid}:${entry.gid} → ${octal(entry.mode)} ${uid}:${gid}`,
        disposition: 'needs-review',
        layer: [{ kind: 'own', path: fix.subject, uid, gid, mode: entry.mode | 0o400 }],
        note: 'the program reads it only when it is its own: as one that the group may read, it did not do. The process may replace what is in it',
      },
    ];
  });
}

/** The file is owned now: nobody need be let in beside. */
export const isSharedBeside = (fix: Fix, others: readonly Fix[]): boolean =>
  fix.id === 'share-file' && others.some(({ id, subject }) => id === 'own-path' && subject === fix.subject);

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
