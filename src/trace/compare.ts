/** Two runs of one program: does the second do the work that the first did? */
import type { Trace, TraceEvent } from './event.ts';
import { listeningPorts } from './listening-ports.ts';
import { steadyName } from './volatile-name.ts';

/** Something one run did and the other did not. */
export interface EffectDifference {
  readonly kind: 'port' | 'file' | 'program' | 'exit';
  /** lost: only the first run did it. */
  readonly lost: boolean;
  readonly text: string;
}

/** Where ports are known to have gone. */
type MovedPorts = ReadonlyMap<number, number>;

const PLUMBING = /^\/(?:proc|sys|dev)(?:\/|$)|\/dev\/null$|\/__pycache__(?:\/|$)|\.pyc$|^\/tmp\/\*$/;
/** What start scripts run to prepare for, ask about or carry out a change of user: a program that starts as somebody else skips it. */
const IDENTITY_HELPERS: ReadonlySet<string> = new Set(
  'chown chgrp chmod find xargs install mkdir stat id whoami getent test [ gosu su-exec su sudo runuser setpriv chpst setuidgid s6-setuidgid s6-applyuidgid s6-chown s6-chmod usermod groupmod useradd groupadd adduser addgroup deluser userdel passwd chroot capsh setcap sysctl tini dumb-init true'.split(
    ' ',
  ),
);
/** `web-h5ok1pp8.log` and `web-0twrrud5.log`: what tempfile and mkstemp put in the middle of a name, when both runs are there to compare. */
function sameButForOneWord(a: string, b: string): boolean {
  const split = (path: string): readonly string[] => path.split(/(?<=[/.-])|(?=[/.-])/);
  const [left, right] = [split(a), split(b)];
  if (left.length !== right.length) return false;
  const differ = left.flatMap((word, at) => (word === right[at] ? [] : [at]));
  const words = differ.flatMap((at) => [left[at] as string, right[at] as string]);
  return differ.length === 1 && words[0]?.length === words[1]?.length && words.every((word) => /^\w{6,12}$/.test(word));
}
const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/**
 * Files that exist because of the run, by their steady names. What was removed again was only on the way to something; it counts (`removed`) when
 * the question is whether a run did write a file that another left behind: a pid file is removed only by whoever still may.
 */
function filesWritten(events: readonly TraceEvent[], removed = false): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const put = (path: string): void => {
    const steady = steadyName(path);
    if (!PLUMBING.test(steady)) files.set(steady, path);
  };
  for (const { errno, operation } of events) {
    if (errno !== undefined) continue;
    if (operation.kind === 'open' && (operation.access === 'write' || operation.access === 'read-write') && !operation.tmpfile)
      put(operation.path);
    // touch(1) makes a file that is missing, and sets the times of one that is there.
    else if (removed && operation.kind === 'utimes') put(operation.path);
    else if (operation.kind === 'symlink' || operation.kind === 'truncate') put(operation.path);
    else if (operation.kind === 'link') put(operation.to);
    else if (operation.kind === 'unlink' && !removed) files.delete(steadyName(operation.path));
    else if (operation.kind === 'rename') {
      if (!removed) files.delete(steadyName(operation.path));
      put(operation.to);
    }
  }
  return files;
}

function programsRun(events: readonly TraceEvent[]): ReadonlyMap<string, string> {
  const programs = new Map<string, string>();
  for (const { errno, operation } of events) {
    if (errno === undefined && operation.kind === 'exec') programs.set(baseName(operation.path), operation.path);
  }
  return programs;
}

/** The end of the first process, when it ended by itself. */
const ownExit = (trace: Trace): number | undefined => {
  const exit = trace.processes[0]?.exit;
  return exit === undefined || exit.signal !== undefined ? undefined : exit.code;
};

/**
 * All differences. A port that moved and a file that is written elsewhere under the same name are the same work; both are how a fix
 * usually looks.
 */
export function compareTraces(before: Trace, after: Trace, moved: MovedPorts = new Map()): readonly EffectDifference[] {
  const differences: EffectDifference[] = [];
  const portKey = ({ protocol, port }: { protocol: string; port: number }): string => `${protocol} ${port}`;
  // A datagram socket on a port that anybody may have can be a client's, and another one each time: resolvers pick theirs from 1024 on (RFC 5452, 9.2).
  // Those that are still open in the end are compared by who looks at the container.
  const served = (trace: Trace): Set<string> =>
    new Set(
      listeningPorts(trace)
        .filter(({ protocol, port }) => protocol === 'tcp' || port < 1024)
        .map(portKey),
    );
  const portsBefore = served(before);
  const portsAfter = served(after);
  const all = new Set(listeningPorts(after).map(portKey));
  const hasMoved = (key: string): boolean => {
    const [protocol = '', port = ''] = key.split(' ');
    const to = moved.get(Number(port));
    return to !== undefined && all.has(`${protocol} ${to}`);
  };
  const lostPorts = [...portsBefore].filter((port) => !portsAfter.has(port) && !hasMoved(port));
  const newPorts = [...portsAfter].filter((port) => !portsBefore.has(port));
  for (const protocol of ['tcp', 'udp']) {
    const lost = lostPorts.filter((port) => port.startsWith(protocol));
    const fresh = newPorts.filter((port) => port.startsWith(protocol));
    // As many new ones as lost ones: moved.
    for (const port of lost.slice(fresh.length))
      differences.push({ kind: 'port', lost: true, text: `it no longer listens on ${port}` });
    for (const port of fresh.slice(lost.length))
      differences.push({ kind: 'port', lost: false, text: `it now listens on ${port}` });
  }
  const filesBefore = filesWritten(before.events);
  const filesAfter = filesWritten(after.events);
  const only = (some: ReadonlyMap<string, string>, others: ReadonlyMap<string, string>): string[] => {
    const names = new Set([...others.keys()].map(baseName));
    const absent = [...some].filter(([steady]) => !others.has(steady) && !names.has(baseName(steady)));
    const fresh = [...others.keys()].filter((steady) => !some.has(steady));
    return absent.filter(([steady]) => !fresh.some((other) => sameButForOneWord(steady, other))).map(([, path]) => path);
  };
  for (const path of only(filesBefore, filesWritten(after.events, true)))
    differences.push({ kind: 'file', lost: true, text: `it no longer writes ${path}` });
  for (const path of only(filesAfter, filesWritten(before.events, true)))
    differences.push({ kind: 'file', lost: false, text: `it now writes ${path}` });

  const programsBefore = programsRun(before.events);
  const programsAfter = programsRun(after.events);
  for (const [name, path] of programsBefore) {
    if (!programsAfter.has(name) && !IDENTITY_HELPERS.has(name))
      differences.push({ kind: 'program', lost: true, text: `it no longer runs ${path}` });
  }
  for (const [name, path] of programsAfter) {
    if (!programsBefore.has(name) && !IDENTITY_HELPERS.has(name))
      differences.push({ kind: 'program', lost: false, text: `it now runs ${path}` });
  }
  const exitBefore = ownExit(before);
  const exitAfter = ownExit(after);
  if (exitBefore !== undefined && exitAfter !== undefined && exitBefore !== exitAfter) {
    differences.push({
      kind: 'exit',
      lost: exitAfter !== 0,
      text: `it ends with exit code ${exitAfter} instead of ${exitBefore}`,
    });
  }
  return differences;
}

/** In words: what the first run did and the second did not. Runs watched in different ways cannot be compared and give nothing. */
export function compareEffects(before: Trace, after: Trace, moved?: MovedPorts): readonly string[] {
  if (before.tracer !== after.tracer) return [];
  return compareTraces(before, after, moved)
    .filter((difference) => difference.lost)
    .map((difference) => difference.text);
}

/** Unix sockets that both runs made: a service without a port is reached by them. Steady names, sorted. */
export function socketsInBoth(before: Trace, after: Trace): readonly string[] {
  const made = (trace: Trace): Set<string> =>
    new Set(
      trace.events.flatMap(({ errno, operation }) =>
        errno === undefined && operation.kind === 'bind-unix' ? [steadyName(operation.path)] : [],
      ),
    );
  const again = made(after);
  return [...made(before)].filter((path) => again.has(path)).sort();
}
