/** What a folder on a read-only root is mounted with: memory for what a start makes anew, a volume for what shall be there after it. */
import type { FileChange } from '../engine/engine.ts';
import { baseName, components, isWithin } from '../linux/file-path.ts';

export type MountKind = 'tmpfs' | 'volume';

/** Emptied at boot or safe to lose (FHS 3.0 sections 3.15, 3.18, 5.5, 5.9, 5.10, 5.13, 5.15); logs belong to whoever collects them. */
const VOLATILE = /^\/(?:run|tmp|dev\/shm|var\/(?:run|tmp|cache|log|lock))(?:\/|$)/;
/** State that outlives a start (FHS 3.0 sections 3.17, 5.8, 5.11, 5.14). */
const LASTING = /^\/(?:srv|data|var\/(?:lib|spool|mail|opt|www|backups))(?:\/|$)/;

/** Configuration and programs, which belong into the image: what a start adds, it makes of the image again. */
const PREPARED = /^\/(?:etc|usr)(?:\/|$)/;

/** What people call such folders, anywhere. */
const VOLATILE_NAME =
  /^\.?(?:caches?|te?mp|run|pids?|locks?|logs?|sess(?:ion)?s?|sockets?|__pycache__)$|(?:_te?mp|[-_]cache|\.d\.run)$/i;
const LASTING_NAME =
  /^(?:data|db|databases?|storage|store|uploads?|media|files|state|repo(?:sitorie)?s?|backups?|spool|queues?|mail)$/i;
/** Files that nobody misses after a restart. */
const PASSING = /\.(?:pid|lock|lck|sock|socket|log|tmp|out|err)$|^\.nfs|^(?:access|error)_log$/;

/** `left`: what the run left behind, all over. The words say why. */
export function mountKind(folder: string, left: readonly FileChange[]): { readonly kind: MountKind; readonly because: string } {
  if (VOLATILE.test(folder)) return { kind: 'tmpfs', because: 'what is there is made anew at every start' };
  if (LASTING.test(folder)) return { kind: 'volume', because: 'what is there shall outlive the container' };
  if (PREPARED.test(folder)) return { kind: 'tmpfs', because: 'what a start generates there it generates at every start' };
  for (const name of components(folder).reverse()) {
    if (VOLATILE_NAME.test(name)) return { kind: 'tmpfs', because: `${name}: made anew at every start, by its name` };
    if (LASTING_NAME.test(name)) return { kind: 'volume', because: `${name}: data, by its name` };
  }
  const kept = left.find(
    ({ path, type, change, size }) =>
      type === 'file' && change !== 'deleted' && size > 0 && isWithin(path, folder) && !PASSING.test(baseName(path)),
  );
  return kept === undefined
    ? { kind: 'tmpfs', because: 'the run left nothing there that a restart would miss' }
    : { kind: 'volume', because: `the run left ${kept.path} there` };
}
