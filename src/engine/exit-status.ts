/** The exit code of an engine as an ExitStatus: podman and docker say 128+n and no more. */
import { constants } from 'node:os';
import type { ExitStatus } from './engine.ts';

const NAME_OF: ReadonlyMap<number, string> = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** 137 is reported as SIGKILL although a program may also exit(137): the two cannot be told apart from outside. */
export function exitStatus(code: number): ExitStatus {
  const signal = code > 128 ? NAME_OF.get(code - 128) : undefined;
  return signal === undefined ? { code } : { code, signal };
}
