/** Parts that several documents have: what one run showed, and what changed in a file. */
import type { ExitStatus } from '../engine/engine.ts';
import type { Observation, ObservedPort, ObservedProcess } from '../prove/observation.ts';

export interface FixedFile {
  readonly path: string;
  /** Unified; `patch -p1` and `git apply` take it. */
  readonly diff: string;
}

/** One question put to a running container, and the answer. */
export interface ProbeRecord {
  /** `tcp`: a port was talked to; `healthcheck`; `command`: the one of `--probe`. */
  readonly kind: 'tcp' | 'healthcheck' | 'command';
  /** Of a tcp probe. */
  readonly port?: number;
  readonly ok: boolean;
  /** `HTTP 200 text/html, 58 bytes`, `exit 0`. */
  readonly answer: string;
}

/** One side of a proof: what was started and what was seen from outside. */
export interface RunRecord {
  /** As it was asked for: `0:0`, `10001:10001`. */
  readonly user: string;
  readonly outcome: Observation['outcome'];
  /** running: how it ended when it was told to stop. */
  readonly exit?: ExitStatus;
  /** The words of a refusal. */
  readonly refusal?: string;
  readonly readyMs: number;
  readonly ports: readonly ObservedPort[];
  readonly probes: readonly ProbeRecord[];
  readonly processes: readonly ObservedProcess[];
  /** The end of its log, both streams. */
  readonly log: readonly string[];
  /** Operations that the kernel denied, in words, when it was traced. */
  readonly denials: readonly string[];
}
