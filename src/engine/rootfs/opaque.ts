/** Directories of an overlay's upper folder that were removed and made again: what they held before is gone without a whiteout for each name. */
import { spawnSync } from 'node:child_process';

/** Absolute paths as the container sees them. Empty without getfattr: those deletions then stay unseen. */
export function opaqueDirectories(upper: string): readonly string[] {
  const run = spawnSync('getfattr', ['-R', '-P', '-h', '-n', 'trusted.overlay.opaque', '.'], {
    cwd: upper,
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  });
  if (run.error) return [];
  return [...run.stdout.matchAll(/^# file: (.*)$/gm)].map(([, name = '']) => {
    // attr(5) tools write odd bytes as a backslash and three octal digits.
    const bytes = name.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
    return `/${Buffer.from(bytes, bytes === name ? 'utf8' : 'latin1').toString('utf8')}`.replace(/^\/\.\/?/, '/');
  });
}
