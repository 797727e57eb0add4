/** What the kernel refused in a run for reasons of identity. */
import type { Operation } from '../linux/operation.ts';
import type { Trace, TraceEvent } from './event.ts';
import { steadyName } from './volatile-name.ts';

/** "You may not" (EACCES, EPERM), "nobody may write here" (EROFS). Everything else is about the world, not about who asks. */
const DENIALS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);
/** In a user namespace an id without mapping is not forbidden but invalid (user_namespaces(7)). */
const UNMAPPED: ReadonlySet<string> = new Set(['EINVAL', 'EOVERFLOW']);
const ID_CALLS: ReadonlySet<Operation['kind']> = new Set(['chown', 'setuid', 'setgid', 'setgroups']);

/** The operation failed because of who asked. */
export function isDenied(event: TraceEvent): boolean {
  const { errno, operation } = event;
  if (errno === undefined) return false;
  if (!DENIALS.has(errno) && !(UNMAPPED.has(errno) && ID_CALLS.has(operation.kind))) return false;
  // Programs that list processes are refused other users' details and expect it.
  return !('path' in operation && /^\/proc\/\d+\/(?!fd\/[0-2]$)/.test(operation.path));
}

/** Names of temporary files and the like do not make an operation another one. */
function sameness(operation: Operation): string {
  return JSON.stringify(operation, (key, value: unknown) =>
    ['path', 'to', 'target'].includes(key) && typeof value === 'string'
      ? steadyName(value)
      : key === 'pid' || key === 'argv'
        ? undefined
        : value,
  );
}

/** Denied operations of a run, each once per program and user, with how often. */
export function denials(trace: Trace): readonly TraceEvent[] {
  const found = new Map<string, TraceEvent>();
  for (const event of trace.events) {
    if (!isDenied(event)) continue;
    const key = `${event.program}\u0000${event.uid}\u0000${sameness(event.operation)}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, event);
    else found.set(key, { ...known, count: (known.count ?? 1) + (event.count ?? 1) });
  }
  return [...found.values()];
}

/** Those that were not denied in the baseline as well: what this run lost against it. */
export function newDenials(trace: Trace, baseline: Trace): readonly TraceEvent[] {
  const known = new Set(denials(baseline).map((event) => sameness(event.operation)));
  return denials(trace).filter((event) => !known.has(sameness(event.operation)));
}
