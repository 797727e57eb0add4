/**
 * Nothing stays behind: every thing a run makes is written down with the shell line that removes it, before it is made. The list is
 * worked off, newest first, at a normal end, on SIGINT, SIGTERM and SIGHUP — and by a small shell that outlives us when we are killed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processStartTime } from './proc.ts';

/** One thing written down. */
export interface Registration {
  /** It is gone by now: takes it off the list. Safe to call twice. */
  release(): void;
}

/** The lines that remove things; arguments are quoted, so any path will do. */
export const undo = {
  /** SIGKILL to this very process (pids are used again, start times are not). */
  kill: (pid: number): string => `unroot_kill ${pid} ${processStartTime(pid) ?? 0}`,
  /** Lazily, so that a process that is still dying does not keep it. */
  unmount: (folder: string): string => `umount -l ${quote(folder)}`,
  /** Not while something is mounted below it: what is mounted there is not ours to delete. */
  remove: (folder: string): string => `unroot_rm ${quote(folder)}`,
  /** Removes a control group with those below it: each is busy until its last process is quite gone. */
  rmdir: (folder: string): string => `unroot_rmdir ${quote(folder)}`,
  /** Lets go of whoever waits to open or to read a fifo: opened for both, which does not wait, and closed again. */
  unblock: (fifo: string): string => `[ -p ${quote(fifo)} ] && : <>${quote(fifo)}`,
  command: (...argv: readonly string[]): string => argv.map(quote).join(' '),
} as const;

const PRELUDE = `# Clean-up of an unroot run; newest first.
exec </dev/null >/dev/null 2>&1
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unroot_kill() {
  s=$(cat "/proc/$1/stat") || return 0
  p=$1 t=$2
  set -- \${s##*)}
  [ "\${20}" = "$t" ] || return 0
  kill -9 "$p"
  # A killed container takes a moment to leave its mounts and control groups.
  n=0
  while [ -e "/proc/$p/exe" ] && [ $n -lt 50 ]; do
    n=$((n + 1))
    sleep 0.02 || sleep 1
  done
}
unroot_rmdir() {
  n=0
  # Busy until the last process in it is quite gone: on a busy machine that is long after its /proc/PID/exe.
  while [ -d "$1" ] && [ $n -lt 250 ]; do
    find "$1" -depth -type d -exec rmdir {} ';'
    [ -d "$1" ] || break
    n=$((n + 1))
    sleep 0.02 || sleep 1
  done
}
unroot_rm() {
  grep -qF " $1/" /proc/self/mountinfo || rm -rf -- "$1"
}
`;

interface Journal {
  readonly folder: string;
  readonly entries: Map<number, string>;
  readonly forget: () => void;
}

let journal: Journal | undefined;
let serial = 0;

/** Writes it down. Call it before the thing is made; a line for a thing that is not there does no harm. */
export function register(line: string): Registration {
  journal ??= open();
  const mine = journal;
  const id = ++serial;
  mine.entries.set(id, line);
  write(mine);
  return {
    release() {
      if (!mine.entries.delete(id)) return;
      if (mine.entries.size > 0 || journal !== mine) write(mine);
      else close();
    },
  };
}

/** How many things are written down and not yet gone. */
export function registered(): number {
  return journal?.entries.size ?? 0;
}

/** Works off the whole list now, synchronously. What the signal handlers do. */
export function reapAll(): void {
  const mine = journal;
  if (!mine) return;
  spawnSync('/bin/sh', [join(mine.folder, 'journal.sh')], { stdio: 'ignore', timeout: 30_000 });
  mine.entries.clear();
  close();
}

function open(): Journal {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-'));
  // It reads until our end of the pipe is gone. That is the one thing that also happens when we are killed with SIGKILL.
  const watcher = spawn(
    '/bin/sh',
    [
      '-c',
      'trap "" INT TERM HUP; cat >/dev/null; [ -f "$1" ] && sh "$1"; rm -rf -- "$2"',
      'unroot-reaper',
      join(folder, 'journal.sh'),
      folder,
    ],
    {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    },
  );
  // Node must be free to end while it waits, and its death must not be ours.
  watcher.on('error', () => {});
  watcher.stdin.on('error', () => {});
  watcher.unref();
  (watcher.stdin as unknown as { unref(): void }).unref();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (): void => {
    reapAll();
    process.exit(130);
  };
  // A program that listens to a signal itself ends its work in its own way, and then comes by 'exit'.
  for (const signal of signals) if (process.listenerCount(signal) === 0) process.on(signal, onSignal);
  // process.exit() in the middle of a run, or an uncaught exception.
  process.on('exit', reapAll);
  return {
    folder,
    entries: new Map(),
    forget() {
      for (const signal of signals) process.off(signal, onSignal);
      process.off('exit', reapAll);
      watcher.stdin.destroy();
    },
  };
}

function close(): void {
  const mine = journal;
  if (!mine) return;
  journal = undefined;
  // The journal first: when the watcher sees the end of the pipe there must be nothing left to do.
  rmSync(mine.folder, { recursive: true, force: true });
  mine.forget();
}

function write(mine: Journal): void {
  const file = join(mine.folder, 'journal.sh');
  writeFileSync(`${file}.tmp`, `${PRELUDE}${[...mine.entries.values()].reverse().join('\n')}\n`, { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
}

/** For sh(1): in single quotes, where only the quote itself is special. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
