/** Watches a run where no tracer can attach: looks at what is different from outside, several times, and says what must have been done. */
import type { Container, FileChange, ListeningSocket, ProcessStatus } from '../../engine/engine.ts';
import type { Launch } from '../../launch/launch.ts';
import type { IdMapping } from '../../linux/credentials.ts';
import type { Operation } from '../../linux/operation.ts';
import type { Trace, TracedProcess, TraceEvent } from '../event.ts';
import type { Tracer, TraceSession } from '../tracer.ts';

export interface FileSystemDifferenceOptions {
  /** Time between two looks; more when a look itself takes long. Default 250 ms. */
  readonly intervalMs?: number;
}

/** What this way of watching cannot see, whatever the program. */
const BLIND_SPOTS: readonly string[] = [
  'Only traces left behind were seen, not the calls: nothing that was read, looked up or executed is known.',
  'Attempts that failed were not seen.',
  'Files and sockets that were there only between two looks were not seen.',
  'A change of owner or mode to what it already was, and a file written with the same content, were not seen.',
  'Which program did something is guessed from the owner of the file.',
];

/** One thing that was there, and from when until when. */
interface Sighting {
  readonly change: FileChange;
  readonly order: number;
  readonly time: number;
  owner: { uid: number; gid: number };
  /** Owners it was given later. */
  readonly owners: { uid: number; gid: number; time: number }[];
  gone: boolean;
}

const keyOf = (change: FileChange): string => `${change.change === 'deleted' ? '-' : '+'}${change.path}`;
/** The container's number for a host id. */
const inner = (id: number, mappings: readonly IdMapping[]): number => {
  for (const { container, host, size } of mappings) if (id >= host && id < host + size) return container + id - host;
  return id;
};

/** A tracer that compares. Works with every engine. */
export function createFileSystemDifferenceTracer(options: FileSystemDifferenceOptions = {}): Tracer {
  return {
    kind: 'file-system-difference',
    async attach(container: Container, launch: Launch): Promise<TraceSession> {
      const interval = options.intervalMs ?? 250;
      const began = performance.now();
      const files = new Map<string, Sighting>();
      const processes = new Map<number, ProcessStatus>();
      const sockets = new Map<string, { socket: ListeningSocket; time: number }>();
      const failures = new Map<string, number>();
      const before = new Set<string>();
      let stopped = false;
      let looks = 0;
      let wake: (() => void) | undefined;

      const attempt = async <T>(what: string, look: () => Promise<T>): Promise<T | undefined> => {
        try {
          return await look();
        } catch (error) {
          const reason = `${what}: ${error instanceof Error ? error.message : String(error)}`;
          failures.set(reason, (failures.get(reason) ?? 0) + 1);
          return undefined;
        }
      };
      const look = async (final: boolean): Promise<void> => {
        const time = (performance.now() - began) / 1000;
        const changes = await attempt('files', () => container.changes());
        if (changes !== undefined) {
          const now = new Set<string>();
          for (const change of changes) {
            const key = keyOf(change);
            now.add(key);
            if (before.has(key)) continue;
            const known = files.get(key);
            const owner = { uid: change.uid, gid: change.gid };
            if (known === undefined) files.set(key, { change, order: looks, time, owner, owners: [], gone: false });
            else {
              known.gone = false;
              if (known.owner.uid !== owner.uid || known.owner.gid !== owner.gid) known.owners.push({ ...owner, time });
              known.owner = owner;
            }
          }
          for (const [key, sighting] of files) if (!now.has(key)) sighting.gone = true;
        }
        if (!final || container.running()) {
          for (const process of (await attempt('processes', () => container.processes())) ?? [])
            processes.set(process.pid, process);
          for (const socket of (await attempt('ports', () => container.listening())) ?? []) {
            const key = `${socket.protocol} ${socket.address} ${socket.port}`;
            if (!sockets.has(key)) sockets.set(key, { socket, time });
          }
        }
        looks++;
      };
      // What the engine itself has put there before the start is not the program's.
      for (const change of (await attempt('files before the start', () => container.changes())) ?? []) before.add(keyOf(change));
      failures.clear();

      const watching = (async (): Promise<void> => {
        while (!stopped) {
          const start = performance.now();
          if (container.running()) await look(false);
          const pause = Math.max(interval, 3 * (performance.now() - start));
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, pause);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        }
      })();
      const stop = async (): Promise<void> => {
        stopped = true;
        wake?.();
        await watching;
      };
      return {
        eventCount: () => files.size + processes.size + sockets.size,
        async finish() {
          await stop();
          await look(true);
          const blindSpots = [...BLIND_SPOTS];
          for (const [reason, times] of failures) blindSpots.push(`Could not look (${times} times) — ${reason}`);
          return synthesise(launch, [...files.values()], [...processes.values()], [...sockets.values()], blindSpots);
        },
        abort: stop,
      };
    },
  };
}

/** The calls that must have been made for things to be as they were seen. */
function synthesise(
  launch: Launch,
  files: readonly Sighting[],
  seen: readonly ProcessStatus[],
  sockets: readonly { socket: ListeningSocket; time: number }[],
  blindSpots: readonly string[],
): Trace {
  const program = launch.executable ?? launch.argv[0] ?? '';
  const uidOf = (id: number): number => inner(id, launch.uidMappings ?? []);
  const gidOf = (id: number): number => inner(id, launch.gidMappings ?? []);
  const processes = seen.map((process): TracedProcess => {
    const argv = process.argv.length > 0 ? process.argv : [process.command];
    const path = argv[0]?.startsWith('/') ? argv[0] : process.command;
    return {
      pid: process.pid,
      ppid: process.ppid,
      argv,
      program: path,
      uid: uidOf(process.uids[1] ?? 0),
      gid: gidOf(process.gids[1] ?? 0),
    };
  });
  const main = processes[0]?.pid ?? 0;
  const events: TraceEvent[] = [];
  const add = (
    time: number,
    operation: Operation,
    syscall: string,
    who: { pid?: number; uid?: number; gid?: number; program?: string } = {},
  ): void => {
    events.push({
      seq: 0,
      time: Math.round(time * 1000) / 1000,
      pid: who.pid ?? main,
      program: who.program ?? program,
      uid: who.uid ?? launch.uid,
      gid: who.gid ?? launch.gid,
      syscall,
      operation,
      ...(operation.kind === 'bind' ? { listening: true } : {}),
    });
  };
  const identities = new Set([launch.uid, ...processes.map((process) => process.uid)]);

  for (const process of seen) {
    const who = { pid: process.pid, program: process.argv[0]?.startsWith('/') ? process.argv[0] : process.command };
    const uids = process.uids.slice(0, 3).map(uidOf);
    const gids = process.gids.slice(0, 3).map(gidOf);
    const groups = process.groups.map(gidOf);
    if (uids.every((uid) => uid === launch.uid) && gids.every((gid) => gid === launch.gid)) continue;
    if (!sameGroups(groups, launch.groups ?? [])) add(0, { kind: 'setgroups', groups }, 'setgroups', who);
    if (gids.some((gid) => gid !== launch.gid)) add(0, { kind: 'setgid', call: 'setresgid', ids: gids }, 'setresgid', who);
    if (uids.some((uid) => uid !== launch.uid)) add(0, { kind: 'setuid', call: 'setresuid', ids: uids }, 'setresuid', who);
  }
  for (const { socket, time } of sockets) {
    add(time, { kind: 'bind', protocol: socket.protocol, address: socket.address, port: socket.port }, 'bind');
  }
  // Parents come before what is in them; removals the other way round and last.
  const ordered = [...files].sort((a, b) => a.order - b.order || (a.change.path < b.change.path ? -1 : 1));
  for (const sighting of ordered) {
    const { change, time } = sighting;
    if (change.change === 'deleted') continue;
    const owner = { uid: uidOf(change.uid), gid: gidOf(change.gid) };
    const path = change.path;
    if (change.change === 'added') {
      // Nobody with the owner's id was seen, so somebody else must have made it and given it away.
      const given = !identities.has(owner.uid);
      const operation = made(path, change);
      add(time, operation.operation, operation.syscall, given ? {} : owner);
      if (given) add(time, { kind: 'chown', path, ...owner }, 'chown');
    } else if (change.type !== 'directory') {
      // A folder counts as modified when its entries changed, and those are listed themselves.
      add(time, { kind: 'open', path, access: 'write' }, 'openat');
    }
    for (const later of sighting.owners)
      add(later.time, { kind: 'chown', path, uid: uidOf(later.uid), gid: gidOf(later.gid) }, 'chown');
  }
  for (const { change, time, gone } of ordered.reverse()) {
    const removed = change.change === 'deleted' ? !gone : change.change === 'added' && gone;
    if (!removed) continue;
    const kind = change.type === 'directory' ? 'rmdir' : 'unlink';
    add(time, { kind, path: change.path }, kind);
  }
  return { tracer: 'file-system-difference', events: events.map((event, seq) => ({ ...event, seq })), processes, blindSpots };
}

const sameGroups = (a: readonly number[], b: readonly number[]): boolean => {
  const sort = (list: readonly number[]): string => [...new Set(list)].sort((x, y) => x - y).join();
  return sort(a) === sort(b);
};

/** How an entry of that type comes into being. */
function made(path: string, change: FileChange): { operation: Operation; syscall: string } {
  const mode = change.mode & 0o7777;
  switch (change.type) {
    case 'directory':
      return { operation: { kind: 'mkdir', path, mode }, syscall: 'mkdir' };
    case 'symlink':
      return { operation: { kind: 'symlink', path, target: '' }, syscall: 'symlink' };
    case 'socket':
      return { operation: { kind: 'bind-unix', path }, syscall: 'bind' };
    case 'fifo':
    case 'character-device':
    case 'block-device':
      return { operation: { kind: 'mknod', path, type: change.type, mode }, syscall: 'mknod' };
    default:
      return { operation: { kind: 'open', path, access: 'write', create: true, mode }, syscall: 'openat' };
  }
}
