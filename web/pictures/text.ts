/** Text in drawings: SVG does not break or cut it by itself. */

/** Monospace letters are about 0.6 of their size wide. */
export function cut(text: string, width: number, size = 12): string {
  const most = Math.max(3, Math.floor(width / (size * 0.61)));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** `1.4 MB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 999_500) return `${Math.round(count / 1000)} kB`;
  return `${(count / 1_000_000).toFixed(count < 99_950_000 ? 1 : 0)} MB`;
}

/** The class that colours root warm and everybody else teal. */
export const who = (uid: number | undefined): string => (uid === 0 ? 'is-root' : 'is-user');
