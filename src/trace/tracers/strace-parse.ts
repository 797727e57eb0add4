/** Reads strace's output, line by line and in one pass, into the events of a trace. Pure: it is given text. */

import { createEventCollector } from '../collapse.ts';
import type { Trace } from '../event.ts';
import type { Call, CallContext } from './strace-call.ts';
import { STRACE_CALLS } from './strace-calls.ts';
import { readHead, readResult, readStrings, splitArguments } from './strace-line.ts';
import { createPathReader } from './strace-path.ts';
import { own, type ProcessIdentity, ProcessTable } from './strace-process.ts';
import { boundBy, rememberBind } from './strace-socket-calls.ts';

export interface StraceParseOptions {
  /** Ids and working directory of the first process. Default: root in `/`. */
  readonly initial?: { readonly uid: number; readonly gid: number; readonly cwd?: string };
  /** The trace begins at the execve of this program; what came before was the runtime's. Absent: at the first line. */
  readonly startsAt?: { readonly argv: readonly string[]; readonly executable?: string };
  /** Asks the kernel about a process that appears for the first time; only a live trace can. */
  readonly identify?: (pid: number) => ProcessIdentity | undefined;
  /** What descriptors 0, 1 and 2 of the first process are. */
  readonly stdio?: readonly (string | undefined)[];
  /** The container's root as the tracer sees it, when that is not `/`. */
  readonly rootPrefix?: string;
  /** Different events kept (see collapse.ts). */
  readonly limit?: number;
  /** Process of lines that name none. */
  readonly pid?: number;
}

export interface StraceParser {
  /** Takes the next piece of output; pieces may end anywhere. */
  push(chunk: string): void;
  /** Reads the last line and gives the trace. */
  finish(): Trace;
  /** Operations seen so far, repetitions included. */
  readonly count: number;
  /** Lines that could be read as strace output. */
  readonly lines: number;
  /** The program asked for in `startsAt` has been executed. */
  readonly started: boolean;
}

/** Calls that make a process, and calls that matter only for what they say of others. */
const FORKS: ReadonlySet<string> = new Set(['fork', 'vfork', 'clone', 'clone3']);
const ALSO: ReadonlySet<string> = new Set(['listen', 'io_uring_setup']);
const FORK_FLAGS = /CLONE_(?:THREAD|FS|FILES|NEW[A-Z]+)/g;
/** Not a result of the call but of a signal that came in between; the kernel starts it again. */
const AGAIN = /^ERESTART|^EINTR$/;
const MAX_LINE = 1 << 20;
const MAX_PENDING = 10_000;

const SIGNALS: readonly string[] =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  );

/** What strace can never show; every trace says so. */
const BLIND_SPOTS: readonly string[] = ['Only what the program did during this run was seen; other inputs may make it do more.'];

export function createStraceParser(options: StraceParseOptions = {}): StraceParser {
  const initial = { uid: options.initial?.uid ?? 0, gid: options.initial?.gid ?? 0, cwd: options.initial?.cwd ?? '/' };
  const table = new ProcessTable(initial, options.identify);
  const paths = createPathReader(options.rootPrefix);
  const events = createEventCollector(options.limit);
  const sockets: CallContext['sockets'] = new Map();
  const pending = new Map<number, { readonly name: string; readonly text: string }>();
  let phase: 'before' | 'tentative' | 'started' = options.startsAt === undefined ? 'started' : 'before';
  let rest = '';
  let lines = 0;
  let clock = 0;
  let firstPid: number | undefined;
  let sawUring = false;
  let sawRelative = false;
  let sawDirectory = false;
  let cutLines = 0;
  let announced = 0;

  /** The argument vector of the launch, as far as strace shows it: long strings are cut. */
  const isStart = (path: string, call: Call): boolean => {
    const wanted = options.startsAt!;
    const argv = readStrings(call.args[call.name === 'execveat' ? 2 : 1]);
    const same =
      argv.length > 0 && argv.every((arg, i) => (arg.cut ? wanted.argv[i]?.startsWith(arg.text) : wanted.argv[i] === arg.text));
    if (same && (argv.length === wanted.argv.length || argv.length >= 30)) return true;
    return wanted.executable !== undefined && path === wanted.executable && !/^runc|^conmon/.test(argv[0]?.text ?? '');
  };

  const processOf = (pid: number): ReturnType<ProcessTable['get']> => {
    const process = table.get(pid);
    if (firstPid === undefined) {
      firstPid = pid;
      options.stdio?.forEach((target, fd) => {
        if (target !== undefined) process.files.set(fd, target);
      });
    }
    return process;
  };

  const finishCall = (pid: number, name: string, text: string, line: string, interrupted: boolean): void => {
    const split = splitArguments(text);
    if (split === undefined) return;
    const result = readResult(text.slice(split.end));
    if (result === undefined) return;
    const process = processOf(pid);
    if (FORKS.has(name)) {
      const flags = text.match(FORK_FLAGS)?.join('|') ?? '';
      const child = result.errno === undefined && result.value !== undefined && result.value > 0 ? result.value : undefined;
      table.forkEnds(process, flags, child, result.outerPid, interrupted);
      if (!flags.includes('CLONE_NEW')) return;
    }
    if (result.errno !== undefined && AGAIN.test(result.errno)) return;
    if (result.value === undefined) return;
    const { args } = split;
    const call: Call = { name, args, value: result.value, errno: result.errno, returned: paths.target(result.target) };
    const context: CallContext = { process, table, paths, sockets };
    if (name === 'listen') {
      const bound = call.errno === undefined ? boundBy(call, context) : undefined;
      if (bound !== undefined) events.markListening(bound);
      return;
    }
    if (name === 'io_uring_setup') {
      sawUring ||= call.errno === undefined;
      return;
    }
    const before = { program: process.group.program, uid: process.uid.effective, gid: process.gid.effective };
    if (!sawDirectory && text.startsWith('AT_FDCWD<')) sawDirectory = true;
    else if (!sawRelative && !sawDirectory && /^(?:AT_FDCWD, )?"[^/"]/.test(text) && call.errno === undefined) sawRelative = true;
    const effect = STRACE_CALLS.get(name)?.(call, context);
    if (effect === undefined) return;
    if (phase !== 'started') {
      if (effect.operation.kind === 'exec' && call.errno === undefined) {
        const start = isStart(effect.operation.path, call);
        if (start || phase === 'before') {
          // Until the right one is seen, the first program counts as the start: better than an empty trace.
          events.reset();
          sockets.clear();
          if (process.fs.root !== '') paths.setRootPrefix(process.fs.root);
          table.startsWith(process, start ? options.startsAt?.argv : undefined);
          before.program = '';
          before.uid = initial.uid;
          before.gid = initial.gid;
          phase = start ? 'started' : 'tentative';
        }
      }
      if (phase === 'before') return;
    }
    const index = events.add({
      time: clock,
      pid,
      ...before,
      syscall: name,
      operation: effect.operation,
      ...(call.errno === undefined ? {} : { errno: call.errno }),
      ...(effect.resolved === undefined || effect.resolved === (effect.operation as { path?: string }).path
        ? {}
        : { resolved: effect.resolved }),
      raw: line.length > 2000 ? `${line.slice(0, 2000)}…` : line,
    });
    if (name === 'bind' && call.errno === undefined) rememberBind(call, context, index);
  };

  const readLine = (line: string): void => {
    if (line === '' || line.startsWith(' > ')) return;
    const notice = /^(?:strace: )?Process (\d+) (?:attached|detached)/.exec(line);
    if (notice !== null) announced = Number(notice[1]);
    if (notice !== null || line.startsWith('strace: ')) return;
    const head = readHead(line);
    if (firstPid === 0 && head.pid !== 0 && head.pid !== announced && table.peek(head.pid) === undefined) {
      // While only one process was traced its lines carried no number.
      table.rename(0, head.pid);
      const begun = pending.get(0);
      pending.delete(0);
      if (begun !== undefined) pending.set(head.pid, begun);
      firstPid = head.pid;
    }
    const pid = head.pid === 0 ? (options.pid ?? table.only()?.pid ?? firstPid ?? 0) : head.pid;
    if (head.time !== undefined) {
      if (head.relative) clock += head.time;
      else clock = head.time < clock - 43_200 && head.time < 86_400 ? head.time + 86_400 : head.time;
    }
    const at = head.at;
    switch (line[at]) {
      case '+': {
        const end = /^\+\+\+ (?:exited with (\d+)|killed by SIG(\w+)|superseded by execve in pid (\d+))/.exec(line.slice(at));
        if (end === null) return;
        lines++;
        if (end[3] !== undefined) table.supersedes(pid, Number(end[3]));
        else if (end[2] !== undefined) table.ends(pid, { code: 128 + SIGNALS.indexOf(end[2]) + 1, signal: `SIG${end[2]}` });
        else table.ends(pid, { code: Number(end[1]) });
        if (end[3] === undefined) pending.delete(pid);
        else {
          // The rest of the execve will come under the leader's number.
          const call = pending.get(Number(end[3]));
          pending.delete(Number(end[3]));
          if (call !== undefined) pending.set(pid, call);
        }
        return;
      }
      case '-':
        if (line.startsWith('--- ', at)) lines++;
        return;
      case '<': {
        const resumed = /^<\.\.\. (\w*) ?resumed>\s?/.exec(line.slice(at));
        if (resumed === null) return;
        lines++;
        const begun = pending.get(pid);
        if (begun === undefined || (resumed[1] !== '' && resumed[1] !== begun.name)) return;
        pending.delete(pid);
        finishCall(pid, begun.name, begun.text + line.slice(at + resumed[0].length), line, true);
        return;
      }
    }
    const paren = line.indexOf('(', at);
    if (paren < 0) return;
    const name = line.slice(at, paren);
    if (!/^\w+$/.test(name)) return;
    lines++;
    if (pid === 0 && firstPid === undefined) processOf(0);
    if (!STRACE_CALLS.has(name) && !FORKS.has(name) && !ALSO.has(name)) return;
    const unfinished = / ?<(?:unfinished \.\.\.|\.\.\. detached|detached \.\.\.)>$/.exec(line);
    if (unfinished !== null) {
      if (unfinished[0].includes('detached')) return;
      if (pending.size >= MAX_PENDING) return;
      const text = line.slice(paren + 1, unfinished.index);
      pending.set(pid, { name: own(name), text: own(text) });
      if (FORKS.has(name)) table.forkBegins(processOf(pid), text.match(FORK_FLAGS)?.join('|') ?? '');
      return;
    }
    finishCall(pid, name, line.slice(paren + 1), line, false);
  };

  return {
    push(chunk) {
      const text = rest + chunk;
      let start = 0;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
        readLine(text.charCodeAt(end - 1) === 13 && end > start ? text.slice(start, end - 1) : text.slice(start, end));
        start = end + 1;
      }
      rest = text.slice(start);
      if (rest.length > MAX_LINE) {
        // No line of strace is that long with any sensible -s; what is not strace output must not pile up.
        rest = '';
        cutLines++;
      }
    },
    finish() {
      if (rest !== '') readLine(rest);
      rest = '';
      const blindSpots = [...BLIND_SPOTS];
      if (phase === 'before') blindSpots.push('The trace ended before the program was executed.');
      if (phase === 'tentative')
        blindSpots.push('The start of the program was not recognised; the trace begins at the first program executed.');
      if (sawUring) blindSpots.push('The program used io_uring: requests made through it do not appear as system calls.');
      if (events.dropped > 0)
        blindSpots.push(`The trace got too long: ${events.dropped} further different operations were left out.`);
      if (table.forgotten > 0) blindSpots.push(`There were too many processes: ${table.forgotten} are not listed.`);
      if (cutLines > 0) blindSpots.push(`${cutLines} lines were too long to read.`);
      if (sawRelative && !sawDirectory && options.initial?.cwd === undefined)
        blindSpots.push(
          'Relative paths were read from / because the log does not say where the program started (strace -y would).',
        );
      return { tracer: 'strace', events: events.events(), processes: table.processes(), blindSpots };
    },
    get count() {
      return events.total;
    },
    get lines() {
      return lines;
    },
    get started() {
      return phase === 'started';
    },
  };
}

/** A whole log at once. */
export function parseStrace(text: string, options: StraceParseOptions = {}): Trace {
  const parser = createStraceParser(options);
  parser.push(text);
  return parser.finish();
}
