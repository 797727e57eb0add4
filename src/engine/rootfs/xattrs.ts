/** Extended attributes of an unpacked layer. Node has no setxattr, so setfattr(1) gets all of them in one batch. */
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';

type Attributes = Readonly<Record<string, Uint8Array>>;

/** Gathered while a layer is unpacked, by path below its folder; set when everything is there. */
export interface AttributesToSet {
  readonly maps: readonly Map<string, unknown>[];
  add(path: string, attributes: Attributes, mode: number): void;
  /** Returns what could not be set, in words. */
  restore(folder: string, at: (path: string) => string | Buffer): readonly string[];
}

const ACCESS_LIST = 'system.posix_acl_access';

/** `listsSetLast`: where a mode and an access control list disagree, the list counts and not the mode. */
export function attributesToSet(listsSetLast: boolean): AttributesToSet {
  const xattrs = new Map<string, Attributes>();
  // Modes to set again, because the list that is set after them changes them (posix_acl_update_mode, fs/posix_acl.c).
  const modes = new Map<string, number>();
  return {
    maps: [xattrs, modes],
    add(path, attributes, mode) {
      xattrs.set(path, attributes);
      if (!listsSetLast && ACCESS_LIST in attributes) modes.set(path, mode & 0o7777);
    },
    restore(folder, at) {
      const notes = restoreXattrs(folder, xattrs);
      for (const [path, mode] of modes) chmodSync(at(path), mode);
      return notes;
    },
  };
}

/** Sets them; returns what could not be set, in words. Paths are relative to the folder. */
function restoreXattrs(folder: string, xattrs: ReadonlyMap<string, Attributes>): readonly string[] {
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
