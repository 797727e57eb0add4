/** Reads /etc/group the way the container runtimes do (github.com/moby/sys/user). */
import { LINE_TOO_LONG, numberField, scanLines } from './go-text.ts';

/** A line of group(5). */
export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
  /** Line in the file, from 1. */
  readonly line: number;
}

export interface Groups {
  /** In file order: the first match wins. Empty when `failure` is set. */
  readonly entries: readonly GroupEntry[];
  /** Why the runtimes refuse to read this file, in their words. */
  readonly failure?: string;
}

/** Member lists are long, so moby/sys/user allows lines up to 1 MiB here (v0.4.1; earlier releases had no limit). */
const LINE_LIMIT = 1024 * 1024;

/** Unlike passwd, lines starting with `#` are skipped; ids that are no numbers are 0. Member names are not trimmed. */
export function parseGroup(text: string): Groups {
  const lines = scanLines(text, LINE_LIMIT);
  if (lines === LINE_TOO_LONG) return { entries: [], failure: LINE_TOO_LONG };
  const entries = lines
    .filter(({ text: line }) => !line.startsWith('#'))
    .map(({ number, text: line }) => {
      const [name = '', , gid = '', members = ''] = line.split(':');
      return { name, gid: numberField(gid), members: members === '' ? [] : members.split(','), line: number };
    });
  return { entries };
}

export function groupByName(groups: Groups, name: string): GroupEntry | undefined {
  return groups.entries.find((entry) => entry.name === name);
}

export function groupById(groups: Groups, gid: number): GroupEntry | undefined {
  return groups.entries.find((entry) => entry.gid === gid);
}

/** Every group that lists `user` as a member, in file order. */
export function groupsListing(groups: Groups, user: string): readonly GroupEntry[] {
  return groups.entries.filter((entry) => entry.members.includes(user));
}
