/** What was read as events in the order in which they would happen, so that the checks of a run can ask the same questions. */
import type { Launch, Refusal } from '../launch/launch.ts';
import { foresee } from '../recipes/reading/foresee.ts';
import type { ReadOperation } from '../recipes/reading/read-operation.ts';
import type { Trace, TraceEvent } from '../trace/event.ts';
import type { Subject } from './subject.ts';

/** What its scripts and configuration say that it will do. */
export const foreseenOf = async (subject: Subject, asIs: Launch | Refusal): Promise<readonly ReadOperation[]> =>
  asIs.kind === 'refusal' ? [] : foresee(asIs, subject.rootFs, { passwd: subject.passwd, group: subject.group });

export const foreseenTrace = (operations: readonly ReadOperation[]): Trace => ({
  tracer: 'log',
  events: operations.map(
    ({ operation, program, file, line, text, confidence, onlyRoot }, seq): TraceEvent => ({
      seq,
      time: 0,
      pid: 1,
      program,
      uid: 0,
      gid: 0,
      syscall: operation.kind,
      operation,
      read: { file, line, text, confidence, onlyRoot: onlyRoot === true },
    }),
  ),
  processes: [],
  blindSpots: [],
});
