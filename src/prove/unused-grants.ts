/** Which of the granted paths a run did not need: everything it did would have been allowed without them. */
import { hostBinds } from '../engine/host-binds.ts';
import type { Fix, LayerChange } from '../finding/fix.ts';
import { changedTree } from '../fixes/changed-tree.ts';
import { ID as READ_ONLY } from '../fixes/read-only-root.ts';
import { changesFiles } from '../fixes/write-spots.ts';
import type { RootFs } from '../image/image.ts';
import { fileTree } from '../launch/file-tree.ts';
import { credentialsOf, type Launch } from '../launch/launch.ts';
import { decide } from '../linux/access.ts';
import { isWithin } from '../linux/file-path.ts';
import { simulate } from '../linux/simulate.ts';
import type { Trace } from '../trace/event.ts';
import type { RoundsResult } from './rounds.ts';

/** Fixes that give the recipient a path, and do nothing else. */
const GRANTS: ReadonlySet<string> = new Set(['own-path', 'share-directory', 'share-file', 'make-beforehand', 'home-directory']);

/** Operations looked at for one grant; longer runs are judged by their beginning and their end. */
const MOST = 20_000;

export interface Grant {
  readonly fix: Fix;
  readonly change: LayerChange;
}

/** What the fixes grant in the image, one by one. What must be there for a volume is the volume's business. */
export const grantsOf = (fixes: readonly Fix[]): readonly Grant[] =>
  fixes.filter(({ id }) => GRANTS.has(id)).flatMap((fix) => fix.layer.map((change) => ({ fix, change })));

/**
 * The grants without which every operation of the run would have had the same answer. `layer`: all changes of the image; `rootFs`: the image
 * before them. What the model cannot tell counts as used.
 */
export function unusedGrants(
  fixes: readonly Fix[],
  layer: readonly LayerChange[],
  trace: Trace,
  launch: Launch,
  rootFs: RootFs,
): readonly Grant[] {
  if (trace.tracer !== 'strace') return [];
  const base = fileTree(launch, rootFs, { binds: hostBinds(launch) });
  return grantsOf(fixes).filter(({ change }) => layer.includes(change) && !needed(change, layer, trace, launch, base));
}

function needed(
  change: LayerChange,
  layer: readonly LayerChange[],
  trace: Trace,
  launch: Launch,
  base: ReturnType<typeof fileTree>,
): boolean {
  const who = credentialsOf(launch);
  const granted = simulate(changedTree(base, layer));
  const without = simulate(
    changedTree(
      base,
      layer.filter((one) => one !== change),
    ),
  );
  const about = (path: string): boolean => isWithin(path, change.path) || isWithin(change.path, path);
  const events = trace.events.filter(({ errno }) => errno === undefined);
  const watched = events.length <= MOST ? events : [...events.slice(0, MOST / 2), ...events.slice(-MOST / 2)];
  for (const { operation } of watched) {
    if ('path' in operation) {
      // Links lead anywhere: only a path that is elsewhere in both trees is left out.
      const asked = about(operation.path) || !plain(operation.path, granted);
      if (asked) {
        const now = decide(operation, who, granted, launch.facts);
        const then = decide(operation, who, without, launch.facts);
        if (now.allowed && (!then.allowed || then.known !== now.known)) return true;
      }
    }
    granted.apply(operation, who, launch.umask);
    without.apply(operation, who, launch.umask);
  }
  return false;
}

/** No link on the way. */
function plain(path: string, tree: ReturnType<typeof simulate>): boolean {
  for (let cut = path.indexOf('/', 1); ; cut = path.indexOf('/', cut + 1)) {
    const node = tree.lookup(cut < 0 ? path : path.slice(0, cut));
    if (typeof node === 'object' && node.inode.type === 'symlink') return false;
    if (cut < 0) return true;
  }
}

/** Memory over a read-only root that the run wrote nothing to. A volume is for data, which a later request may write. */
export function unusedMounts(fixes: readonly Fix[], trace: Trace, rootFs: RootFs): readonly Fix[] {
  if (trace.tracer !== 'strace') return [];
  const mounts = fixes.filter(({ id, run }) => id === READ_ONLY && run.tmpfs !== undefined);
  if (mounts.length === 0) return [];
  const written = new Set<string>();
  for (const { operation, errno } of trace.events) {
    if (errno !== undefined || !changesFiles(operation) || !('path' in operation)) continue;
    written.add(placeOf(operation.path, rootFs));
    if ('to' in operation) written.add(placeOf(operation.to, rootFs));
  }
  const target = ({ run, subject }: Fix): string => run.tmpfs?.[0]?.split(':')[0] ?? subject;
  return mounts.filter((fix) => ![...written].some((path) => isWithin(path, target(fix))));
}

/** Where the path leads: links of the part that the image has are followed. */
function placeOf(path: string, rootFs: RootFs): string {
  for (let cut = path.length; cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
    const { entry } = rootFs.resolve(path.slice(0, cut));
    if (entry !== undefined) return (entry.path === '/' ? '' : entry.path) + path.slice(cut);
  }
  return path;
}

/** Their paths, for the report; nothing where nobody watched call by call. */
export function unusedPaths(
  { fixes, layer, after, launch }: RoundsResult,
  { rootFs }: { readonly rootFs: RootFs },
): { readonly grantsUnused?: readonly string[] } {
  if (after.trace?.tracer !== 'strace' || launch.kind !== 'launch') return {};
  const grants = unusedGrants(fixes, layer, after.trace, launch, rootFs).map(({ change }) => change.path);
  const mounts = unusedMounts(fixes, after.trace, rootFs).map(({ subject }) => subject);
  return { grantsUnused: [...grants, ...mounts] };
}
