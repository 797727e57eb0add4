/** Picks how runs are watched on this machine: strace where it can attach before the first instruction, else a comparison of the file system. */
import { spawnSync } from 'node:child_process';
import type { Engine, EngineKind } from '../../engine/engine.ts';
import { UnrootError } from '../../error.ts';
import type { Tracer } from '../tracer.ts';
import { createFileSystemDifferenceTracer } from './file-system-difference.ts';
import { createStraceTracer } from './strace.ts';

export interface Watch {
  readonly engine: Engine;
  readonly tracer: Tracer;
  /** What was not possible, in words. */
  readonly notes: readonly string[];
}

/**
 * Docker starts a container without a pause in which strace could attach; runc, which every Docker brings, then runs the same launch. `open`
 * opens another engine and throws `engine.…` when it is not there.
 */
export async function chooseTracer(engine: Engine, open: (kind: EngineKind) => Promise<Engine>): Promise<Watch> {
  if (!hasStrace()) {
    const note =
      'strace is not installed, so only files and ports that are left after a run are seen (apt-get install -y strace)';
    return { engine, tracer: createFileSystemDifferenceTracer(), notes: [note] };
  }
  if (engine.stopsBeforeStart) return { engine, tracer: createStraceTracer(), notes: [] };
  for (const kind of ['runc', 'builtin'] as const) {
    try {
      const other = await open(kind);
      return {
        engine: other,
        tracer: createStraceTracer(),
        notes: [`watched with ${kind}, because ${engine.kind} starts without a pause`],
      };
    } catch (error) {
      if (!(error instanceof UnrootError) || !error.code.startsWith('engine.')) throw error;
    }
  }
  return {
    engine,
    tracer: createFileSystemDifferenceTracer(),
    notes: [`strace cannot attach to ${engine.kind}, and no other engine is there`],
  };
}

const hasStrace = (): boolean => spawnSync('strace', ['--version'], { stdio: 'ignore' }).status === 0;
