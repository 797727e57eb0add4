/** What the readers of single system calls share: the shape of a call and of its effect, and the ways strace writes arguments. */
import type { Operation } from '../../linux/operation.ts';
import type { Located, PathReader } from './strace-path.ts';
import type { Process, ProcessTable } from './strace-process.ts';

/** A finished call. */
export interface Call {
  readonly name: string;
  readonly args: readonly string[];
  readonly value: number | undefined;
  readonly errno: string | undefined;
  /** What -y says of the returned descriptor, as a container path. */
  readonly returned: string | undefined;
}

/** What handlers need besides the call. */
export interface CallContext {
  readonly process: Process;
  readonly table: ProcessTable;
  readonly paths: PathReader;
  /** Kind of every socket seen, by inode (`socket:[7]`) or by process and number. */
  readonly sockets: Map<string, { protocol: 'tcp' | 'udp'; bound: number }>;
}

/** One operation of a call, with what the path led to. */
export interface CallEffect {
  readonly operation: Operation;
  readonly resolved?: string;
}

/** Reads one call: what it asked for, or undefined when permission has no part in it. May change the process. */
export type Handler = (call: Call, context: CallContext) => CallEffect | undefined;

/** `O_RDWR|O_CREAT` as a list. */
export const flagsOf: (arg: string | undefined) => readonly string[] = (arg) => (arg ?? '').split('|').map((flag) => flag.trim());
/** A decimal or hexadecimal argument; NaN when it is none. */
export const number = (arg: string | undefined): number => {
  const match = /^-?(?:0x[0-9a-f]+|\d+)/.exec(arg ?? '');
  return match === null ? Number.NaN : Number(match[0]);
};
/** `0644`, `S_IFREG|0644`, `S_ISVTX|0777` → 07777 bits. */
export const modeOf = (arg: string | undefined): number | undefined => {
  if (arg === undefined) return undefined;
  let mode = 0;
  let known = false;
  for (const part of flagsOf(arg)) {
    const special = { S_ISUID: 0o4000, S_ISGID: 0o2000, S_ISVTX: 0o1000 }[part];
    if (special !== undefined) mode |= special;
    else if (/^0[0-7]*$/.test(part)) mode |= Number.parseInt(part, 8);
    else continue;
    known = true;
  }
  return known ? mode & 0o7777 : undefined;
};
/** -1 is printed as -1 or as the unsigned number. */
export const idOf = (arg: string | undefined): number => {
  const id = number(arg);
  return id === 4294967295 ? -1 : id;
};
/** For operations whose mode may be unknown. */
export const withMode = (mode: number | undefined): { mode?: number } => (mode === undefined ? {} : { mode });
/** An operation on what was located. */
export const effect = (operation: Operation, located: Located): CallEffect =>
  located.resolved === undefined ? { operation } : { operation, resolved: located.resolved };
/** The call succeeded. */
export const done = (call: Call): boolean => call.errno === undefined && call.value !== undefined && call.value >= 0;

/** The process now stands somewhere else, or has become someone else: its parent can no longer be corrected. */
export function settle(process: Process): void {
  process.fresh = false;
}
