/** The processes of a strace log: who descends from whom, where each stands, as whom it acts. */
import type { TracedProcess } from '../event.ts';

/** All ids a process has (credentials(7)); the effective ones decide, the others say what it may change them to. */
export interface Ids {
  readonly real: number;
  readonly effective: number;
  readonly saved: number;
}

/** Shared by the threads of one process. */
export interface ThreadGroup {
  readonly pid: number;
  readonly ppid: number | undefined;
  program: string;
  argv: readonly string[];
  exit: TracedProcess['exit'];
  /** getpriority(2) value as far as it was set in this run. */
  nice: number;
  /** Hard limits that were seen. */
  limits: Map<string, number>;
  leader: Process;
}

/** One task. Mutable: it is what the parser walks along with. */
export interface Process {
  readonly pid: number;
  /** Its number inside its own pid namespace, once known. */
  innerPid: number | undefined;
  group: ThreadGroup;
  /** Working directory and chroot, as paths of the container; an object of its own because CLONE_FS shares it. */
  fs: { cwd: string; root: string };
  uid: Ids;
  gid: Ids;
  /** Descriptors whose target strace did not print. Without -y that is all of them. */
  files: Map<number, string>;
  /** Has done nothing yet that would be lost by correcting its parent. */
  fresh: boolean;
}

/** What the kernel says of a process that is still alive: lets a live trace name the parent exactly. */
export interface ProcessIdentity {
  readonly ppid: number;
  /** The thread group it belongs to. */
  readonly tgid: number;
  /** Its number in its innermost pid namespace. */
  readonly innerPid: number;
}

/** A fork that strace has begun to print, or has printed without naming the child in the tracer's numbering. */
interface Birth {
  readonly parent: Process;
  readonly flags: string;
  innerPid: number | undefined;
}

const MAX_RECORDS = 20_000;

/** Copies a string so that the log chunk it was cut from can be freed. */
export const own = (text: string): string => JSON.parse(JSON.stringify(text)) as string;

/** Keeps the processes of one trace. */
export class ProcessTable {
  private readonly live = new Map<number, Process>();
  private births: Birth[] = [];
  private records: ThreadGroup[] = [];
  private readonly identify: ((pid: number) => ProcessIdentity | undefined) | undefined;
  private readonly initial: { uid: number; gid: number; cwd: string };
  forgotten = 0;

  constructor(
    initial: { readonly uid: number; readonly gid: number; readonly cwd: string },
    identify?: (pid: number) => ProcessIdentity | undefined,
  ) {
    this.initial = initial;
    this.identify = identify;
  }

  /** The process of a line; a number not seen before is a child of a running fork, or a stranger with the initial ids. */
  get(pid: number): Process {
    const known = this.live.get(pid);
    if (known !== undefined) return known;
    const identity = this.identify?.(pid);
    const birth = this.takeBirth(pid, identity);
    const process = birth === undefined ? this.stranger(pid) : this.child(pid, birth.parent, birth.flags);
    process.innerPid = identity?.innerPid ?? birth?.innerPid;
    this.live.set(pid, process);
    return process;
  }

  peek(pid: number): Process | undefined {
    return this.live.get(pid);
  }

  /** The one process that is left, for lines that name none. */
  only(): Process | undefined {
    return this.live.size === 1 ? this.live.values().next().value : undefined;
  }

  /** A process that had no number in the log gets one. */
  rename(from: number, to: number): void {
    const process = this.live.get(from);
    if (process === undefined) return;
    this.live.delete(from);
    const renamed: Process = { ...process, pid: to };
    if (process.group.leader === process) {
      const group = { ...process.group, pid: to, leader: renamed };
      renamed.group = group;
      this.records = this.records.map((record) => (record === process.group ? group : record));
    }
    for (const birth of this.births) if (birth.parent === process) (birth as { parent: Process }).parent = renamed;
    this.live.set(to, renamed);
  }

  /** By the number the traced program itself uses. */
  byInnerPid(innerPid: number): Process | undefined {
    for (const process of this.live.values()) if (process.innerPid === innerPid) return process;
    return undefined;
  }

  /** A fork has begun: its child may speak before it returns. */
  forkBegins(parent: Process, flags: string): void {
    this.expect({ parent, flags, innerPid: undefined });
  }

  /**
   * A fork has returned `innerPid` (in the caller's numbering) and, if strace says so, `outerPid`.
   * `interrupted`: other lines stood between its beginning and its end, so the child may have spoken already.
   */
  forkEnds(
    parent: Process,
    flags: string,
    innerPid: number | undefined,
    outerPid: number | undefined,
    interrupted: boolean,
  ): void {
    const waiting = this.births.findIndex((b) => b.parent === parent && b.innerPid === undefined);
    const dropWaiting = (): void => {
      if (waiting >= 0) this.births.splice(waiting, 1);
    };
    if (innerPid === undefined) {
      dropWaiting();
      return;
    }
    const pid = outerPid ?? innerPid;
    const seen = this.live.get(pid);
    if (seen !== undefined && (seen.group.ppid === parent.group.pid || seen.group === parent.group)) {
      seen.innerPid ??= innerPid;
      dropWaiting();
      return;
    }
    if (seen?.fresh && (outerPid !== undefined || seen.innerPid === undefined)) {
      // The guess was wrong (two forks at once) or there was none: put it where it belongs.
      this.records = this.records.filter((group) => group !== seen.group);
      const right = this.child(pid, parent, flags);
      right.innerPid = innerPid;
      this.live.set(pid, right);
      dropWaiting();
      return;
    }
    if (waiting >= 0) this.births[waiting]!.innerPid = innerPid;
    else if (!interrupted) this.expect({ parent, flags, innerPid });
    else this.numberChild(parent, innerPid);
  }

  private expect(birth: Birth): void {
    this.births.push(birth);
    if (this.births.length > 1000) this.births.shift();
  }

  /** A child that was matched to this parent before the fork returned gets its inner number now. */
  private numberChild(parent: Process, innerPid: number): void {
    for (const process of this.live.values()) {
      if (process.innerPid !== undefined || process === parent) continue;
      if (process.group.ppid === parent.group.pid || (process.group === parent.group && process.pid !== process.group.pid)) {
        process.innerPid = innerPid;
        return;
      }
    }
  }

  private takeBirth(pid: number, identity: ProcessIdentity | undefined): Birth | undefined {
    let index = -1;
    if (identity !== undefined) {
      const parentPid = identity.tgid === pid ? identity.ppid : identity.tgid;
      // A daemon's parent is gone by now, and the kernel names the one that took it over: the number that the fork returned tells better.
      index = this.births.findIndex((b) => b.innerPid === identity.innerPid);
      if (index < 0) index = this.births.findIndex((b) => b.parent.group.pid === parentPid);
      if (index < 0) {
        const parent = this.live.get(parentPid);
        if (parent !== undefined)
          return { parent, flags: identity.tgid === pid ? '' : 'CLONE_THREAD|CLONE_FS', innerPid: undefined };
      }
    }
    if (index < 0) index = this.births.findIndex((b) => b.innerPid === pid);
    if (index < 0) index = this.births.length > 0 ? 0 : -1;
    return index < 0 ? undefined : this.births.splice(index, 1)[0];
  }

  private child(pid: number, parent: Process, flags: string): Process {
    const thread = flags.includes('CLONE_THREAD');
    const process: Process = {
      pid,
      innerPid: undefined,
      group: parent.group,
      fs: flags.includes('CLONE_FS') ? parent.fs : { ...parent.fs },
      uid: parent.uid,
      gid: parent.gid,
      files: thread || flags.includes('CLONE_FILES') ? parent.files : new Map(parent.files),
      fresh: true,
    };
    if (!thread) {
      const { program, argv, nice } = parent.group;
      const limits = new Map(parent.group.limits);
      process.group = { pid, ppid: parent.group.pid, program, argv, exit: undefined, nice, limits, leader: process };
      this.record(process.group);
    }
    return process;
  }

  private stranger(pid: number): Process {
    const { uid, gid, cwd } = this.initial;
    const process: Process = {
      pid,
      innerPid: undefined,
      group: undefined as unknown as ThreadGroup,
      fs: { cwd, root: '' },
      uid: { real: uid, effective: uid, saved: uid },
      gid: { real: gid, effective: gid, saved: gid },
      files: new Map(),
      fresh: true,
    };
    process.group = { pid, ppid: undefined, program: '', argv: [], exit: undefined, nice: 0, limits: new Map(), leader: process };
    this.record(process.group);
    return process;
  }

  private record(group: ThreadGroup): void {
    if (this.records.length < MAX_RECORDS) this.records.push(group);
    else this.forgotten++;
  }

  /** `+++ exited +++` and `+++ killed +++`. */
  ends(pid: number, exit: { readonly code: number; readonly signal?: string }): void {
    const process = this.live.get(pid);
    if (process === undefined) return;
    if (process.group.leader === process) process.group.exit = exit;
    this.live.delete(pid);
  }

  /** An execve from a thread that is not the first: the kernel gives it the first one's number (ptrace(2), "execve(2) under ptrace"). */
  supersedes(leaderPid: number, threadPid: number): void {
    const thread = this.live.get(threadPid);
    if (thread === undefined) return;
    this.live.delete(threadPid);
    const leader: Process = { ...thread, pid: leaderPid };
    leader.group.leader = leader;
    this.live.set(leaderPid, leader);
  }

  /** The trace proper begins with this process: nothing before it counts. */
  startsWith(process: Process, argv: readonly string[] | undefined): void {
    if (argv !== undefined) process.group.argv = argv;
    process.group.nice = 0;
    process.fs = { cwd: this.initial.cwd, root: '' };
    process.uid = { real: this.initial.uid, effective: this.initial.uid, saved: this.initial.uid };
    process.gid = { real: this.initial.gid, effective: this.initial.gid, saved: this.initial.gid };
    this.records = [process.group];
    this.births = [];
    this.forgotten = 0;
  }

  processes(): readonly TracedProcess[] {
    return this.records.map(({ pid, ppid, argv, program, exit, leader }) => ({
      pid,
      ...(ppid === undefined ? {} : { ppid }),
      argv,
      program,
      uid: leader.uid.effective,
      gid: leader.gid.effective,
      ...(exit === undefined ? {} : { exit }),
    }));
  }
}
