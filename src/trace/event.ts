/** What a real run did, as data. */
import type { Operation } from '../linux/operation.ts';

export interface TraceEvent {
  /** Order within the trace, from 0. */
  readonly seq: number;
  /** Seconds since the first event. */
  readonly time: number;
  readonly pid: number;
  /** Path of the program the process was running, as last executed; '' when unknown. */
  readonly program: string;
  /** Effective uid and gid at that moment, followed through setuid and friends. */
  readonly uid: number;
  readonly gid: number;
  readonly syscall: string;
  readonly operation: Operation;
  /** errno name when it failed, undefined when it succeeded. */
  readonly errno?: string;
  /** The line it was read from, for evidence. */
  readonly raw?: string;
  /** Times the same program did the same with the same result as the same user; absent = once. */
  readonly count?: number;
  /** What the path led to when the tracer saw it: `/dev/stdout` → `pipe:[71]`. Absent when the same or unknown. */
  readonly resolved?: string;
  /** Of a bind: listen(2) was called on that socket afterwards, so the port really took connections. */
  readonly listening?: boolean;
  /** Not seen in a run: a script or a configuration says that it will be done. */
  readonly read?: {
    readonly file: string;
    /** From 1; 0 = no line of a file, but the command line, or built into the program. */
    readonly line: number;
    readonly text: string;
    readonly confidence: 'medium' | 'low';
    readonly onlyRoot: boolean;
  };
}

export interface TracedProcess {
  readonly pid: number;
  readonly ppid?: number;
  /** argv of the last execve. */
  readonly argv: readonly string[];
  readonly program: string;
  /** Final ids. */
  readonly uid: number;
  readonly gid: number;
  readonly exit?: { readonly code: number; readonly signal?: string };
}

export interface Trace {
  readonly tracer: 'strace' | 'file-system-difference' | 'log';
  readonly events: readonly TraceEvent[];
  readonly processes: readonly TracedProcess[];
  /** What this tracer cannot see, in words: shown to the user, and the reason for `unknown`. */
  readonly blindSpots: readonly string[];
}
