/** Keeps a trace small however long the run: the same thing done again only counts up, and the number of different things is bounded. */
import type { Operation } from '../linux/operation.ts';
import type { TraceEvent } from './event.ts';

/** An event before it has its place in the trace. */
export type NewEvent = Omit<TraceEvent, 'seq' | 'count' | 'listening'>;

/** Operations that only look; they are the first to go when a trace gets too long. */
const LOOKING: ReadonlySet<Operation['kind']> = new Set(['stat', 'access', 'readlink', 'chdir', 'kill']);
const DENIALS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);

/** Gathers events; `add` returns the index of the (possibly older) event it went into, -1 when it was dropped. */
export interface EventCollector {
  add(event: NewEvent): number;
  /** Says that the socket bound by that event listens. */
  markListening(index: number): void;
  /** Forgets everything gathered so far. */
  reset(): void;
  events(): readonly TraceEvent[];
  /** Everything seen since the last reset, repetitions included. */
  readonly total: number;
  /** Different events that did not fit. */
  readonly dropped: number;
}

/** Removing or moving something: doing the same to that path again afterwards is a new event, or a replay would lose the order of things. */
const REMOVES: ReadonlySet<Operation['kind']> = new Set(['unlink', 'rmdir', 'rename']);
/** But only so often: a program may make and remove its lock file all day. */
const MAX_LIVES = 4;

/** Two events with the same key are the same thing done again. Arguments that vary without meaning anything for permission stay out of it. */
function keyOf(event: NewEvent): string {
  const operation = event.operation;
  let what: string;
  if (operation.kind === 'exec') what = `exec ${operation.path}`;
  else if (operation.kind === 'kill') what = `kill ${operation.signal} ${operation.targetUid ?? ''}`;
  else what = JSON.stringify(operation);
  return `${event.program}\u0000${event.uid}\u0000${event.gid}\u0000${event.errno ?? ''}\u0000${what}`;
}

/**
 * A collector that holds at most `limit` different events of any kind, and as many again of those that change something or were denied.
 * What it keeps is copied: strings cut out of a chunk of log would otherwise hold the whole chunk in memory.
 */
export function createEventCollector(limit = 100_000): EventCollector {
  let events: { -readonly [K in keyof TraceEvent]: TraceEvent[K] }[] = [];
  let indexOf = new Map<string, number>();
  /** Successful changes by path, until the path is removed. */
  let changesOf = new Map<string, { keys: string[]; lives: number }>();
  const forgetRemoved = (event: NewEvent): void => {
    const operation = event.operation;
    if (event.errno !== undefined || !('path' in operation)) return;
    const changes = changesOf.get(operation.path);
    if (REMOVES.has(operation.kind) && changes !== undefined && changes.lives < MAX_LIVES) {
      for (const key of changes.keys) indexOf.delete(key);
      changes.keys = [];
      changes.lives++;
    }
  };
  const rememberChange = (event: NewEvent, key: string): void => {
    const operation = event.operation;
    if (event.errno !== undefined || !('path' in operation) || LOOKING.has(operation.kind)) return;
    if (operation.kind === 'exec' || (operation.kind === 'open' && operation.access === 'read' && operation.create !== true))
      return;
    const changes = changesOf.get(operation.path) ?? { keys: [], lives: 0 };
    changes.keys.push(key);
    changesOf.set(operation.path, changes);
  };
  let total = 0;
  let dropped = 0;
  let firstTime = 0;
  return {
    add(event) {
      total++;
      const key = keyOf(event);
      forgetRemoved(event);
      const known = indexOf.get(key);
      if (known !== undefined) {
        const old = events[known]!;
        old.count = (old.count ?? 1) + 1;
        return known;
      }
      if (events.length >= limit) {
        const operation = event.operation;
        const onlyLooks = LOOKING.has(operation.kind) || (operation.kind === 'open' && operation.access === 'read');
        const denied = event.errno !== undefined && DENIALS.has(event.errno);
        if (events.length >= 2 * limit || (onlyLooks && !denied)) {
          dropped++;
          return -1;
        }
      }
      if (events.length === 0) firstTime = event.time;
      const seq = events.length;
      const copy = JSON.parse(JSON.stringify(event)) as TraceEvent;
      events.push({ ...copy, seq, time: Math.max(0, Math.round((event.time - firstTime) * 1e6) / 1e6) });
      indexOf.set(key, seq);
      rememberChange(event, key);
      return seq;
    },
    markListening(index) {
      const event = events[index];
      if (event !== undefined) event.listening = true;
    },
    reset() {
      events = [];
      indexOf = new Map();
      changesOf = new Map();
      total = 0;
      dropped = 0;
    },
    events: () => events,
    get total() {
      return total;
    },
    get dropped() {
      return dropped;
    },
  };
}
