/** How a container is asked to stop, and how long that is worth waiting for. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { namespaceOf } from './proc.ts';

/** A STOPSIGNAL: `SIGQUIT`, `QUIT`, `3`; SIGTERM when it is absent or names nothing we know. */
export function signalName(text: string | undefined): NodeJS.Signals {
  const wanted = (text ?? '').trim().toUpperCase();
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  const found = names.find(([name, number]) => name === wanted || name === `SIG${wanted}` || String(number) === wanted);
  return found?.[0] ?? 'SIGTERM';
}

/**
 * How long it is worth waiting after a stop signal: the first process of a pid namespace never sees a signal for which it has no handler
 * (pid_namespaces(7)), so a shell or a simple server as process 1 would only let the time pass.
 */
export function graceFor(pid: number, signal: NodeJS.Signals, graceMs: number): number {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(statusText(pid))?.[1];
  const number = constants.signals[signal];
  const own = namespaceOf(pid, 'pid') === namespaceOf('self', 'pid');
  if (caught === undefined || number === undefined || own || (BigInt(`0x${caught}`) >> BigInt(number - 1)) & 1n) return graceMs;
  return Math.min(graceMs, 100);
}

function statusText(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return ''; // already gone
  }
}
