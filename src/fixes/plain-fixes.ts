/** The fixes as they are told: what the layer really has of each path, and every path once. */
import type { Fix, LayerChange } from '../finding/fix.ts';
import { mergeLayer, outermost } from './merge.ts';

/** The layer that they make stays the same. */
export function plainFixes(all: readonly Fix[]): readonly Fix[] {
  const fixes = outermost(all);
  const merged = new Map(mergeLayer(all).map((change) => [change.path, change]));
  // Guessed from who owns a folder: what was seen to be needed is told with what needs it.
  const seen = new Set(fixes.filter(({ id }) => id !== 'state-folder').flatMap(({ layer }) => layer.map(({ path }) => path)));
  return fixes.flatMap((fix): Fix[] => {
    const guessed = fix.id === 'state-folder';
    const layer = fix.layer
      .filter(({ path }) => !guessed || !seen.has(path))
      .map((change) => asMerged(change, merged.get(change.path)));
    // The volume it asked for is told with the other fix for that folder.
    const elsewhere = (path: string): boolean =>
      fixes.some((other) => other !== fix && other.run.volumes?.some((volume) => volume.path === path) === true);
    const nothingLeft = guessed && layer.length === 0 && (fix.run.volumes ?? []).every(({ path }) => elsewhere(path));
    return nothingLeft ? [] : [{ ...fix, layer }];
  });
}

/** Content from one fix and an owner from another come together in one file; two owners of one path are one. */
function asMerged(change: LayerChange, merged: LayerChange | undefined): LayerChange {
  if (merged === undefined || change.kind === 'symlink' || merged.kind === 'symlink') return change;
  const { uid, gid, mode } = merged;
  return change.uid === uid && change.gid === gid && change.mode === mode ? change : { ...change, uid, gid, mode };
}
