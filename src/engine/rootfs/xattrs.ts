/** Extended attributes of an unpacked layer. Node has no setxattr, so setfattr(1) gets all of them in one batch. */
import { spawnSync } from 'node:child_process';

/** Sets them; returns what could not be set, in words. Paths are relative to the folder. */
export function restoreXattrs(
  folder: string,
  xattrs: ReadonlyMap<string, Readonly<Record<string, Uint8Array>>>,
): readonly string[] {
  let text = '';
  let count = 0;
  for (const [path, values] of xattrs) {
    // An overlayfs attribute from an archive would change what the mount shows (kernel Documentation/filesystems/overlayfs.rst).
    const names = Object.keys(values).filter((name) => !/^(trusted|user)\.overlay\./.test(name));
    if (names.length === 0) continue;
    text += `# file: ${octal(path === '' ? '.' : path)}\n`;
    for (const name of names) text += `${octal(name)}=0s${Buffer.from(values[name]!).toString('base64')}\n`;
    text += '\n';
    count += names.length;
  }
  if (count === 0) return [];
  const run = spawnSync('setfattr', ['-h', '--restore=-'], { cwd: folder, input: text, encoding: 'utf8', maxBuffer: 1 << 24 });
  if (run.error) {
    if ((run.error as NodeJS.ErrnoException).code !== 'ENOENT') throw run.error;
    return [
      `setfattr is not installed (apt-get install -y attr): ${count} extended attributes of the image, such as file capabilities, are not set`,
    ];
  }
  return run.stderr
    .split('\n')
    .filter(Boolean)
    .slice(0, 20)
    .map((line) => `an extended attribute could not be set: ${line.replace(/^setfattr: /, '')}`);
}

/** attr's own escape: a backslash and three octal digits, for what would end the name or start the value. */
function octal(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[\x00-\x20\\=\x7f-\xff]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
