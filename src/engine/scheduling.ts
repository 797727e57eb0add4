/** Whether a process works, or would if it were its turn: on a busy machine, one that waits for a processor looks as idle as one that waits for a client. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Scheduling {
  /** Milliseconds that its threads were ready to run and had no processor, so far. */
  readonly waitedMs: number;
  /** Some thread is running, ready to, in a wait that nothing interrupts (the disk), or held by its tracer. */
  readonly active: boolean;
}

/** Threads looked at: hundreds of a pool are alike. */
const THREADS = 64;
/** Of proc_pid_stat(5): `R` running or ready, `D` waiting for a disk, `t` stopped by a tracer, which goes on as soon as that one has its turn. */
const ACTIVE = /\) [RDt] /;

/** Nothing waited and nothing active where there is no such process. */
export function schedulingOf(pid: number): Scheduling {
  let [waited, active] = [0, false];
  for (const thread of threads(pid)) {
    // Time on a processor, time waiting for one, in nanoseconds, and how often (Documentation/scheduler/sched-stats.rst).
    waited += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[1] ?? 0);
    active ||= ACTIVE.test(read(`/proc/${pid}/task/${thread}/stat`));
  }
  return { waitedMs: Math.round(waited / 1e6), active };
}

const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

function threads(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).slice(0, THREADS);
  } catch (error) {
    if (GONE.has((error as NodeJS.ErrnoException).code)) return [];
    throw error;
  }
}

/** Empty when it ended meanwhile, or the kernel does not tell. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (GONE.has((error as NodeJS.ErrnoException).code)) return '';
    throw error;
  }
}
