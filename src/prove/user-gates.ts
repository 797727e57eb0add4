/** Wrappers that ask before they change the user: `su`, `runuser`, `sudo`. Denied, they end by themselves, and what they did to ask is not the work of the image. */
import { privilegeDrop } from '../recipes/privilege-drop.ts';
import type { Trace } from '../trace/event.ts';
import type { Observation } from './observation.ts';

/** That they were started, and whom they became. */
const SHOWS: ReadonlySet<string> = new Set(['exec', 'setuid', 'setgid', 'setgroups']);

const asks = (program: string): boolean => privilegeDrop(program)?.asks === true;

/** A run without what such wrappers read and wrote for themselves: /etc/shadow, /var/log/btmp, the session. */
export function withoutGates<T extends Observation>(observation: T): T {
  const { trace } = observation;
  if (trace === undefined || !trace.events.some(({ program }) => asks(program))) return observation;
  const events = trace.events.filter(({ program, operation }) => !asks(program) || SHOWS.has(operation.kind));
  return { ...observation, trace: { ...trace, events } };
}

/** Those that were started in a run, by their path. */
export function gatesStarted(trace: Trace | undefined): readonly string[] {
  const paths = (trace?.events ?? []).flatMap(({ operation, errno }) =>
    operation.kind === 'exec' && errno === undefined && asks(operation.path) ? [operation.path] : [],
  );
  return [...new Set(paths)];
}
