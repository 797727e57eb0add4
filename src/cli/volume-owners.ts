/** Owners of volumes that a compose project has by name: no image settles them, a service that runs before does. */
import type { RootFs } from '../image/image.ts';
import type { FixResult } from '../unroot.ts';
import type { AnyContainer } from './manifest-containers.ts';

/**
 * Without the changes of the image that are about the owner of a volume which a service mounts by its name: one that is there already keeps its
 * owner whatever the image says, so a service hands it over, and then the image need not change.
 */
export function withoutVolumeOwners({ workload, container: { settings } }: AnyContainer, result: FixResult): FixResult {
  const { rootFs } = result.subject;
  if (workload.format !== 'compose' || !canHandOver(rootFs)) return result;
  const named = new Set(
    (settings.volumes ?? []).flatMap(({ kind, type, readOnly, target }) =>
      (kind === 'named' || (kind === 'external' && type !== 'image')) && readOnly !== true ? [rootFs.resolve(target).path] : [],
    ),
  );
  const owned = new Set(
    result.fixes
      .flatMap(({ id, layer }) => (id === 'volume-owner' ? layer.map(({ path }) => path) : []))
      .filter((path) => named.has(path)),
  );
  if (owned.size === 0) return result;
  const rest = <T extends { readonly path: string }>(layer: readonly T[]): readonly T[] =>
    layer.filter(({ path }) => !owned.has(path));
  return {
    ...result,
    fixes: result.fixes.map((fix) => (fix.id === 'volume-owner' ? { ...fix, layer: rest(fix.layer) } : fix)),
    layer: rest(result.layer),
  };
}

/** Both programs that it takes, where a shell would find them. */
export function canHandOver(rootFs: RootFs): boolean {
  const has = (path: string): boolean => rootFs.resolve(path).entry?.type === 'file';
  return has('/bin/sh') && (has('/bin/chown') || has('/usr/bin/chown'));
}
