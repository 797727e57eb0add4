/** Reads /etc/passwd the way the container runtimes do (github.com/moby/sys/user, used by Docker, Podman, CRI-O, runc and containerd). */
import { LINE_TOO_LONG, numberField, scanLines } from './go-text.ts';

/** A line of passwd(5). Fields that are missing are empty; ids that are no numbers are 0, as in the runtimes. */
export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly gecos: string;
  readonly home: string;
  readonly shell: string;
  /** Line in the file, from 1. */
  readonly line: number;
}

export interface Passwd {
  /** In file order: the first match wins. Empty when `failure` is set. */
  readonly entries: readonly PasswdEntry[];
  /** Why the runtimes refuse to read this file, in their words. */
  readonly failure?: string;
}

/** bufio.MaxScanTokenSize: no runtime reads a longer line of passwd. */
const LINE_LIMIT = 64 * 1024;

/**
 * Lenient on purpose, like the runtimes: `#` starts no comment, a line `garbage` is a user `garbage` with uid 0, and `app:x:one:1` has
 * uid 0 as well. That is how a broken passwd turns a named user into root.
 */
export function parsePasswd(text: string): Passwd {
  const lines = scanLines(text, LINE_LIMIT);
  if (lines === LINE_TOO_LONG) return { entries: [], failure: LINE_TOO_LONG };
  const entries = lines.map(({ number, text: line }) => {
    const [name = '', , uid = '', gid = '', gecos = '', home = '', shell = ''] = line.split(':');
    return { name, uid: numberField(uid), gid: numberField(gid), gecos, home, shell, line: number };
  });
  return { entries };
}

export function userByName(passwd: Passwd, name: string): PasswdEntry | undefined {
  return passwd.entries.find((entry) => entry.name === name);
}

export function userById(passwd: Passwd, uid: number): PasswdEntry | undefined {
  return passwd.entries.find((entry) => entry.uid === uid);
}
