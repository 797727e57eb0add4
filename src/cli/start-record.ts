/**
 * What `unroot run` writes down of its starts, where `UNROOT_RUN_RECORD` names a file: one JSON line for each start, refusal and end. For
 * whoever has to know about containers that are over, or never began.
 */
import { appendFileSync } from 'node:fs';
import type { Launch } from '../launch/launch.ts';

/** Bytes of output that are kept. */
const OUTPUT = 8192;

export interface StartRecord {
  started(launch: Launch): void;
  refused(words: string): void;
  ended(launch: Launch, exit: number, output: string): void;
  /** How a container of a pod stands at the end: `CreateContainerConfigError` and its words, `Completed` … */
  status(container: string, status: string, words: string | undefined): void;
}

/** Lines about one target. */
export function startRecord(target: string): StartRecord {
  // What belongs together: a target may be started many times.
  const run = `${process.pid}-${Date.now()}`;
  const file = process.env.UNROOT_RUN_RECORD;
  const write = (event: string, facts: Readonly<Record<string, unknown>>): void => {
    if (!file) return;
    try {
      appendFileSync(file, `${JSON.stringify({ event, run, time: new Date().toISOString(), target, ...facts })}\n`);
    } catch (error) {
      process.stderr.write(`note: ${file} cannot be written: ${(error as Error).message}\n`);
    }
  };
  const who = ({ argv, uid, gid, groups }: Launch): Readonly<Record<string, unknown>> => ({ argv, uid, gid, groups });
  return {
    started: (launch) => write('started', who(launch)),
    refused: (words) => write('refused', { refused: words }),
    status: (container, status, words) =>
      write('status', { container, status, ...(words === undefined ? {} : { refused: words }) }),
    ended: (launch, exit, output) => write('ended', { ...who(launch), exit, output: output.slice(-OUTPUT) }),
  };
}
