/** Writes one file whole, or not at all. */
import { closeSync, constants, openSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';

/**
 * A new file beside the old one, then rename(2): readers see the old or the new content, never half. What a link leads to is replaced, not the
 * link; what is no file (`/dev/null`, a fifo, a terminal) is written into, and stays what it is. Throws what the file system says.
 */
export function writeWhole(file: string, text: string): void {
  const there = statSync(file, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile()) {
    const open = openSync(file, constants.O_WRONLY);
    try {
      writeFileSync(open, text);
    } finally {
      closeSync(open);
    }
    return;
  }
  const place = there === undefined ? file : realpathSync(file);
  const temporary = `${place}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { flag: 'wx', ...(there === undefined ? {} : { mode: there.mode & 0o777 }) });
    renameSync(temporary, place);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
