/** Makes a failing case small: leaves out and simplifies whatever it still fails without. */
import type { RealityCase, TreeItem } from './case.ts';

/** `fails` plays a case; one that cannot be played (a folder is gone that something needs) does not count as failing. */
export function shrink(one: RealityCase, fails: (candidate: RealityCase) => boolean): RealityCase {
  const still = (candidate: RealityCase): boolean => {
    try {
      return fails(candidate);
    } catch {
      return false;
    }
  };
  let best = one;
  for (let smaller = true; smaller; ) {
    smaller = false;
    for (const list of ['operations', 'tree', 'targets'] as const) {
      const before = best[list]?.length ?? 0;
      best = shorten(best, list, still);
      smaller ||= (best[list]?.length ?? 0) < before;
    }
    for (const candidate of simpler(best)) {
      if (!still(candidate)) continue;
      best = candidate;
      smaller = true;
      break;
    }
  }
  return best;
}

/** Takes out ever smaller pieces of a list. */
function shorten(
  one: RealityCase,
  list: 'operations' | 'tree' | 'targets',
  still: (candidate: RealityCase) => boolean,
): RealityCase {
  let best = one;
  for (let piece = Math.ceil((best[list]?.length ?? 0) / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    // The root directory stays; kills name targets by number, so those go from the end.
    for (let at = (best[list]?.length ?? 0) - piece; at >= (list === 'tree' ? 1 : 0); at -= piece) {
      const candidate = { ...best, [list]: best[list]!.filter((_, index) => index < at || index >= at + piece) };
      if (still(candidate)) best = candidate;
    }
  }
  return best;
}

/** Each a little simpler in one respect. */
function* simpler(one: RealityCase): Generator<RealityCase> {
  if (one.disk === true) yield { ...one, disk: false };
  const { who } = one;
  for (const key of ['realUid', 'savedUid', 'realGid', 'savedGid'] as const) {
    const { [key]: given, ...rest } = who;
    if (given !== undefined) yield { ...one, who: rest };
  }
  for (const key of ['groups', 'permitted', 'effective', 'inheritable', 'ambient', 'dropped'] as const) {
    for (const item of who[key]) {
      const less = (list: readonly unknown[]) => list.filter((other) => other !== item);
      const gone = { ...who, [key]: less(who[key]) };
      yield {
        ...one,
        who: key === 'permitted' ? { ...gone, effective: less(who.effective), ambient: less(who.ambient) } : gone,
      } as RealityCase;
    }
  }
  if (who.noNewPrivileges) yield { ...one, who: { ...who, noNewPrivileges: false } };
  if (who.umask !== 0) yield { ...one, who: { ...who, umask: 0 } };
  for (const [index, item] of one.tree.entries()) {
    for (const plainer of plainerItems(item))
      yield { ...one, tree: one.tree.map((other, at) => (at === index ? plainer : other)) };
  }
  for (const [index, operation] of one.operations.entries()) {
    for (const [key, value] of Object.entries(operation)) {
      if (value !== true) continue;
      const changed = { ...operation, [key]: false };
      yield { ...one, operations: one.operations.map((other, at) => (at === index ? changed : other)) };
    }
  }
}

function* plainerItems(item: TreeItem): Generator<TreeItem> {
  if ('flags' in item) for (const flag of item.flags) yield { ...item, flags: item.flags.filter((other) => other !== flag) };
  if (!('mode' in item) || item.type === 'tmpfs') return;
  const { acl, defaultAcl, capabilities, ...rest } = item;
  const lists = { ...(acl === undefined ? {} : { acl }), ...(defaultAcl === undefined ? {} : { defaultAcl }) };
  if (capabilities !== undefined) yield { ...rest, ...lists };
  if (defaultAcl !== undefined)
    yield { ...rest, ...(acl === undefined ? {} : { acl }), ...(capabilities === undefined ? {} : { capabilities }) };
  if (acl !== undefined)
    yield {
      ...rest,
      ...(defaultAcl === undefined ? {} : { defaultAcl }),
      ...(capabilities === undefined ? {} : { capabilities }),
    };
  if (acl === undefined && item.type !== 'symlink') {
    for (const mode of [item.type === 'file' ? 0o644 : 0o755, item.mode & 0o777])
      if (item.mode !== mode && item.mode !== 0o755 && item.mode !== 0o644) yield { ...item, mode };
  }
  if (item.uid !== 0) yield { ...item, uid: 0 };
  if (item.gid !== 0) yield { ...item, gid: 0 };
}
