/** Steps of a rollout, played to the end with pods that become ready at once, late, or never. */
import { describe, expect, it } from 'vitest';
import { fenceposts, nextCounts, type RolloutPlan } from './rollout.ts';

describe('fenceposts', () => {
  it('rounds surge up and unavailable down: one replica by the defaults is never missed', () =>
    expect(fenceposts(1)).toEqual({ maxSurge: 1, maxUnavailable: 0 }));
  it('takes percentages and numbers', () => {
    expect(fenceposts(10, '25%', '25%')).toEqual({ maxSurge: 3, maxUnavailable: 2 });
    expect(fenceposts(4, 2, 1)).toEqual({ maxSurge: 2, maxUnavailable: 1 });
  });
  it('lets one be missing where neither would be allowed', () =>
    expect(fenceposts(3, 0, 0)).toEqual({ maxSurge: 0, maxUnavailable: 1 }));
});

/** Pods of a set that are there, and how many of them are ready. */
interface Played {
  replicas: number;
  ready: number;
}

/** Plays on until nothing changes; every state that was passed. `works`: whether new pods become ready. */
function play(plan: RolloutPlan, old: Played[], works: boolean): { fresh: Played; old: Played[]; least: number; most: number } {
  const fresh = { replicas: 0, ready: 0 };
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (let step = 0; step < 200; step += 1) {
    const count = ({ replicas, ready }: Played) => ({ replicas, available: ready, pods: replicas });
    const next = nextCounts(plan, count(fresh), old.map(count));
    const same = next.fresh === fresh.replicas && next.old.every((replicas, index) => replicas === old[index]!.replicas);
    fresh.replicas = next.fresh;
    fresh.ready = Math.min(fresh.ready, fresh.replicas);
    for (const [index, replicas] of next.old.entries()) old[index] = { replicas, ready: Math.min(old[index]!.ready, replicas) };
    least = Math.min(least, fresh.ready + old.reduce((sum, { ready }) => sum + ready, 0));
    most = Math.max(most, fresh.replicas + old.reduce((sum, { replicas }) => sum + replicas, 0));
    if (works && fresh.ready < fresh.replicas) fresh.ready += 1;
    else if (same) break;
  }
  return { fresh, old, least, most };
}

const plan = (replicas: number, surge?: number | string, missing?: number | string): RolloutPlan => ({
  type: 'RollingUpdate',
  replicas,
  ...fenceposts(replicas, surge, missing),
});

describe('nextCounts', () => {
  it('keeps the one old pod while the new one is not ready, for ever if need be', () => {
    const { fresh, old } = play(plan(1), [{ replicas: 1, ready: 1 }], false);
    expect([fresh.replicas, old[0]!.replicas]).toEqual([1, 1]);
  });
  it('ends the old one when the new one is ready', () => {
    const { fresh, old, least, most } = play(plan(1), [{ replicas: 1, ready: 1 }], true);
    expect([fresh, old[0]!.replicas, least, most]).toEqual([{ replicas: 1, ready: 1 }, 0, 1, 2]);
  });
  it('lets nobody serve where one may be missing and none may be more, and the new one does not work', () => {
    const { fresh, least } = play(plan(1, 0, 1), [{ replicas: 1, ready: 1 }], false);
    expect([fresh.replicas, least]).toEqual([1, 0]);
  });
  it.each([
    [10, '25%', '25%'],
    [4, 1, 0],
    [5, 0, 2],
    [3, '100%', 0],
    [7, '30%', '10%'],
  ] as const)(
    '%i replicas with surge %s and %s missing: never fewer ready, never more there, and it gets done',
    (replicas, surge, missing) => {
      const wanted = plan(replicas, surge, missing);
      const { fresh, old, least, most } = play(wanted, [{ replicas, ready: replicas }], true);
      expect(fresh).toEqual({ replicas, ready: replicas });
      expect(old[0]!.replicas).toBe(0);
      expect(least).toBeGreaterThanOrEqual(replicas - wanted.maxUnavailable);
      expect(most).toBeLessThanOrEqual(replicas + wanted.maxSurge);
    },
  );
  it('takes those away first that never became ready', () => {
    const stuck = [
      { replicas: 1, available: 1, pods: 1 },
      { replicas: 1, available: 0, pods: 1 },
    ];
    expect(nextCounts(plan(1), { replicas: 1, available: 0, pods: 1 }, stuck)).toEqual({ fresh: 1, old: [1, 0] });
    expect(nextCounts(plan(1), { replicas: 0, available: 0, pods: 0 }, stuck)).toEqual({ fresh: 0, old: [1, 0] });
  });
  it('shrinks and grows one set alone', () => {
    expect(nextCounts(plan(1), { replicas: 3, available: 3, pods: 3 }, [])).toEqual({ fresh: 1, old: [] });
    expect(nextCounts(plan(3), { replicas: 1, available: 1, pods: 1 }, [])).toEqual({ fresh: 3, old: [] });
  });
  it('recreates only when nothing of the old is left', () => {
    const recreate: RolloutPlan = { type: 'Recreate', replicas: 2, maxSurge: 0, maxUnavailable: 0 };
    const none = { replicas: 0, available: 0, pods: 0 };
    expect(nextCounts(recreate, none, [{ replicas: 2, available: 2, pods: 2 }])).toEqual({ fresh: 0, old: [0] });
    expect(nextCounts(recreate, none, [{ replicas: 0, available: 0, pods: 1 }])).toEqual({ fresh: 0, old: [0] });
    expect(nextCounts(recreate, none, [none])).toEqual({ fresh: 2, old: [0] });
  });
});
