/**
 * How often model and reality were compared, told by the tests that compare them: each calls `recordConformance` when it is through, and
 * scripts/conformance.mjs makes docs/conformance.md of what the last run left. Numbers of one run, never added up by hand.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder: string = fileURLToPath(new URL('../../.cache/conformance/', import.meta.url));

export interface ConformanceRecord {
  /** `access`, `execve`, `identity-docker` …: the file's name, and the order of the page. */
  readonly id: string;
  /** What was compared with what, in one line: `linux/access.ts against the kernel, random trees and processes`. */
  readonly title: string;
  /** The real thing and its version: `Linux 6.18.44`, `podman 4.3.1`. */
  readonly against: string;
  /** Comparisons made. */
  readonly compared: number;
  readonly mismatches: number;
  /** Answers the model declined to give. */
  readonly unknown?: number;
  /** What the comparisons were made of: `EACCES` → 4711. */
  readonly counts?: Readonly<Record<string, number>>;
  /** Replay: which seed makes the same run again. */
  readonly seed?: number;
  /** Anything a reader must know to trust the number. */
  readonly notes?: readonly string[];
}

/** Leaves the record for the page. Whole or not at all. */
export function recordConformance(record: ConformanceRecord): void {
  mkdirSync(folder, { recursive: true });
  const place = join(folder, `${record.id}.json`);
  writeFileSync(`${place}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
  renameSync(`${place}.new`, place);
}
