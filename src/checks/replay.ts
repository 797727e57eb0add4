/**
 * Replays what a run did under another identity: every operation that succeeded there is put to the access model as the target user, on the
 * file tree as it would be at that moment had the target done everything before it.
 */
import type { Launch } from '../launch/launch.ts';
import { credentialsOf } from '../launch/launch.ts';
import { decide } from '../linux/access.ts';
import type { Decision, FileTree } from '../linux/decision.ts';
import { simulate } from '../linux/simulate.ts';
import type { Trace, TraceEvent } from '../trace/event.ts';

export interface DeniedEvent {
  readonly event: TraceEvent;
  /** Denied by permission; `known: false` when the model lacks a fact. */
  readonly decision: Decision;
  /** Same operation, same program, seen again. */
  readonly count: number;
}

/** Denied, these leave everything as it was, which is what the target wants anyway. */
const STAYS: ReadonlySet<string> = new Set(['chown', 'chmod', 'setxattr', 'utimes']);

/** errno values that mean "you may not"; anything else is about the world, not about identity. */
export const PERMISSION_ERRNOS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * Asking for other ids than one's own is what a root program does to *stop* being root: it is asked about with the target's ids already in
 * place, so every such call that would change anything is denied, and says so.
 */
export function replay(trace: Trace, target: Launch, tree: FileTree): DeniedEvent[] {
  const world = simulate(tree);
  const who = credentialsOf(target);
  const denied = new Map<string, { event: TraceEvent; decision: Decision; count: number }>();
  for (const event of trace.events) {
    if (event.errno !== undefined) continue;
    const decision = decide(event.operation, who, world, target.facts);
    if (!decision.allowed && PERMISSION_ERRNOS.has(decision.errno ?? '')) {
      const key = `${event.program}\0${JSON.stringify(event.operation)}`;
      const seen = denied.get(key);
      if (seen) seen.count += event.count ?? 1;
      else denied.set(key, { event, decision, count: event.count ?? 1 });
    }
    // Applied even when denied: the question about the next operation is "and if this one is fixed?" Not so a change of owner or of
    // identity: nothing fixes that, the files simply stay the target's.
    if (decision.allowed || !STAYS.has(event.operation.kind)) world.apply(event.operation, who, target.umask);
  }
  return [...denied.values()];
}

/** Denials a run really met, as the same shape, with the model's account of why. */
export function observedDenials(denials: readonly TraceEvent[], launch: Launch, tree: FileTree): DeniedEvent[] {
  const who = credentialsOf(launch);
  return denials.map((event) => ({ event, decision: decide(event.operation, who, tree, launch.facts), count: event.count ?? 1 }));
}
