/**
 * How a Deployment goes from its old ReplicaSets to the new one: how many pods each should have next. The rules of kubernetes
 * pkg/controller/deployment: rolling.go, recreate.go, util/deployment_util.go (NewRSNewReplicas, ResolveFenceposts). Pure.
 */

export interface RolloutPlan {
  readonly type: 'RollingUpdate' | 'Recreate';
  readonly replicas: number;
  /** Numbers, resolved by {@link fenceposts}. */
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** A ReplicaSet as the controller counts. */
export interface SetCount {
  /** What it should have. */
  readonly replicas: number;
  /** Pods of it that are ready. */
  readonly available: number;
  /** Pods of it that are there, those on their way out among them. */
  readonly pods: number;
}

/** What `maxSurge` and `maxUnavailable` are in pods: surge is rounded up, unavailable down; both 0 would never get anywhere, and then one may be missing. */
export function fenceposts(
  replicas: number,
  maxSurge: number | string = '25%',
  maxUnavailable: number | string = '25%',
): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const surge = scaled(maxSurge, replicas, Math.ceil);
  const missing = scaled(maxUnavailable, replicas, Math.floor);
  return { maxSurge: surge, maxUnavailable: surge === 0 && missing === 0 ? 1 : missing };
}

const scaled = (value: number | string, of: number, round: (value: number) => number): number =>
  typeof value === 'number' ? value : round((Number.parseInt(value, 10) * of) / 100);

/** How many pods the new set and each old one (oldest first) should have next. The same numbers again = nothing to do now. */
export function nextCounts(
  plan: RolloutPlan,
  fresh: SetCount,
  old: readonly SetCount[],
): { readonly fresh: number; readonly old: readonly number[] } {
  if (plan.type === 'Recreate') {
    // The new one waits until nothing of the old is left.
    const gone = old.every(({ pods }) => pods === 0);
    return { fresh: gone ? plan.replicas : fresh.replicas, old: old.map(() => 0) };
  }
  const total = fresh.replicas + sum(old.map(({ replicas }) => replicas));
  const room = Math.max(0, plan.replicas + plan.maxSurge - total);
  const grown = fresh.replicas > plan.replicas ? plan.replicas : fresh.replicas + Math.min(room, plan.replicas - fresh.replicas);
  // One step at a time: what the new set just got is counted when it is there.
  if (grown !== fresh.replicas) return { fresh: grown, old: old.map(({ replicas }) => replicas) };
  return { fresh: grown, old: shrunk(plan, fresh, old) };
}

function shrunk({ replicas, maxUnavailable }: RolloutPlan, fresh: SetCount, old: readonly SetCount[]): readonly number[] {
  const counts = old.map((one) => one.replicas);
  const least = replicas - maxUnavailable;
  let may = fresh.replicas + sum(counts) - least - (fresh.replicas - fresh.available);
  if (may <= 0) return counts;
  // Those that are no use first, for they are missed by nobody.
  for (const [index, one] of old.entries()) {
    const take = Math.min(may, Math.max(0, one.replicas - one.available));
    counts[index]! -= take;
    may -= take;
  }
  let spare = fresh.available + sum(old.map(({ available }) => available)) - least;
  for (const index of old.keys()) {
    if (spare <= 0) break;
    const take = Math.min(spare, counts[index]!);
    counts[index]! -= take;
    spare -= take;
  }
  return counts;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
