/** What a pod needs no other image for: folders that are empty in the image become emptyDirs, and what only an optional step asks for is left. */
import type { Fix } from '../finding/fix.ts';
import { findingKey } from '../fixes/need.ts';
import type { RootFs } from '../image/image.ts';
import type { FixResult } from '../unroot.ts';
import type { ContainerChange } from '../workload/change.ts';

export interface MountedFolders {
  /** As in `ContainerChange`. */
  readonly tmpfs: readonly string[];
  /** Fixes that only an image can hold. */
  readonly rest: readonly Fix[];
  /** Why findings are left, by key. */
  readonly reasons: ReadonlyMap<string, string>;
}

/** Folders that hold everything, programs or configuration: never mounted over. */
const WHOLE = /^\/(?:$|(?:etc|usr|bin|sbin|lib\w*|boot|dev|proc|sys)(?:\/|$)|(?:opt|home|root|var|var\/lib|srv|mnt|media)$)/;
/** Emptied at every boot (FHS 3.0 sections 3.15, 3.18): what the image has there is folders that somebody makes anew. */
const VOLATILE = /^\/(?:run|tmp|var\/(?:run|tmp|lock))(?:\/|$)/;
/** Of the machine and the kubelet, not of the program. */
const OTHERS = new Set(['lock', 'secrets']);
/** More folders than these inside one, and it is more than scratch. */
const MOST_INSIDE = 4;

/** `inImage`: the fixes that change the image. An emptyDir is everybody's (0777; kubelet emptyDir SetUp), so that no owner need be said. */
export function mountedFolders({ subject, findings }: FixResult, inImage: readonly Fix[]): MountedFolders {
  const tmpfs = new Set<string>();
  const rest: Fix[] = [];
  const reasons = new Map<string, string>();
  const byKey = new Map<string, boolean>();
  for (const finding of findings) {
    const key = findingKey(finding);
    byKey.set(key, (byKey.get(key) ?? true) && finding.confidence === 'low' && finding.severity !== 'error');
  }
  for (const fix of inImage) {
    const optional = fix.answers.length > 0 && fix.answers.every((key) => byKey.get(key) === true);
    const folders = fix.layer.map((change) =>
      change.kind === 'own' || (change.kind === 'directory' && !optional) ? foldersFor(change.path, subject.rootFs) : undefined,
    );
    if (folders.every((some) => some !== undefined)) for (const folder of folders.flat()) tmpfs.add(folder);
    else if (!optional) rest.push(fix);
    else
      for (const key of fix.answers)
        reasons.set(key, 'only a step asks for it that may not come, or whose script goes on without it');
  }
  return { tmpfs: [...tmpfs].sort().map((folder) => `${folder}:mode=1777`), rest, reasons };
}

/** What is mounted so that the folder can be written; undefined when that would hide something. */
function foldersFor(path: string, rootFs: RootFs): readonly string[] | undefined {
  if (WHOLE.test(path)) return undefined;
  const entry = rootFs.get(path);
  if (entry === undefined) return [path];
  if (entry.type !== 'directory') return undefined;
  const names = rootFs.list(path);
  if (names.length === 0) return [path];
  if (!VOLATILE.test(path)) return undefined;
  const inside = names.filter((name) => !OTHERS.has(name)).map((name) => `${path}/${name}`);
  const empty = (folder: string): boolean => rootFs.get(folder)?.type === 'directory' && rootFs.list(folder).length === 0;
  return inside.length <= MOST_INSIDE && inside.every(empty) ? [path, ...inside] : undefined;
}

/** What is mounted anew belongs to nobody in particular. */
export const withFolders = (change: ContainerChange, folders: readonly string[]): ContainerChange =>
  folders.length === 0
    ? change
    : {
        ...change,
        tmpfs: [...(change.tmpfs ?? []), ...folders],
        volumes: (change.volumes ?? []).filter(({ path }) => !folders.some((folder) => folder.startsWith(`${path}:`))),
      };
