/** What one run showed to somebody outside, as data: the two sides of the comparison. */
import type { ExitStatus, FileChange } from '../engine/engine.ts';
import type { Trace } from '../trace/event.ts';

export interface ObservedPort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly address: string;
}

/** How a listening TCP port answered. `text` is the first line of what it said, with numbers and dates taken out, so that two runs compare; of an HTTP error of the server's side, what its page says. */
export interface ProbeResult {
  readonly port: number;
  readonly outcome: 'http' | 'banner' | 'reply' | 'silent' | 'refused';
  readonly status?: number;
  /** What was said to it when it answered: `http`, `line` (PING), `postgresql`, `ldap`, … */
  readonly opener?: string;
  readonly text?: string;
  /** Asked again in the same run, it said something else: the words cannot be compared. */
  readonly varies?: boolean;
  /** HTTP: content type and body length. */
  readonly contentType?: string;
  readonly bodyLength?: number;
}

/** The questions that a UDP port answered: `dns`, `ntp`, … */
export interface DatagramAnswers {
  readonly port: number;
  readonly to: readonly string[];
}

export interface ObservedProcess {
  readonly command: string;
  /** As seen from the host: real, effective, saved, file system. */
  readonly uids: readonly number[];
  readonly gid: number;
}

export interface Observation {
  /** running: still there when it was stopped. exited: ended by itself. refused: the runtime would not start it. */
  readonly outcome: 'running' | 'exited' | 'refused';
  /** The exit by itself, or after the stop signal. */
  readonly exit?: ExitStatus;
  readonly refusal?: string;
  /** Milliseconds until it was quiet and ready. */
  readonly readyMs: number;
  readonly ports: readonly ObservedPort[];
  readonly probes: readonly ProbeResult[];
  /** What UDP ports answered to; absent = not asked. */
  readonly datagrams?: readonly DatagramAnswers[];
  readonly healthcheck?: { readonly code: number; readonly output: string };
  /** Result of `--probe CMD`. */
  readonly command?: { readonly code: number; readonly output: string };
  /** What SIGHUP did, sent at the end to a program that has a use for it; absent = not sent. */
  readonly reload?: {
    readonly outcome: 'went on' | 'ended';
    readonly ports: readonly ObservedPort[];
    readonly probes: readonly ProbeResult[];
  };
  readonly processes: readonly ObservedProcess[];
  /** HOME in the environment of those that were not root, or of all when all were; absent = ended, or not the same for all. */
  readonly home?: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly changes: readonly FileChange[];
  readonly trace?: Trace;
}

/** A run that did not take place. */
export const notStarted = (refusal: string): Observation => ({
  outcome: 'refused',
  refusal,
  readyMs: 0,
  ports: [],
  probes: [],
  processes: [],
  stdout: '',
  stderr: '',
  changes: [],
});
