/** Which `--cap-add` and `--cap-drop` make an engine arrive at the sets of a Launch. Pure arithmetic on lists. */
import { type Capability, type CapabilitySet, type CapabilityState, capabilityMask } from '../linux/capability.ts';

const SETS = ['bounding', 'permitted', 'effective', 'inheritable', 'ambient'] as const;

export function minus(a: CapabilitySet, b: CapabilitySet): CapabilitySet {
  const taken = new Set<Capability>(b);
  return a.filter((name) => !taken.has(name));
}

export function sameSet(a: CapabilitySet, b: CapabilitySet): boolean {
  return capabilityMask(a) === capabilityMask(b);
}

/** In words, one sentence per set that the engine makes otherwise; empty when all five agree. */
export function capabilityDifferences(engine: string, wanted: CapabilityState, made: CapabilityState): readonly string[] {
  return SETS.flatMap((set) => {
    if (sameSet(wanted[set], made[set])) return [];
    const lacking = minus(wanted[set], made[set]);
    const extra = minus(made[set], wanted[set]);
    const parts = [
      ...(lacking.length > 0 ? [`without ${lacking.join(', ')}`] : []),
      ...(extra.length > 0 ? [`with ${extra.join(', ')}`] : []),
    ];
    return [`${engine} starts the program ${parts.join(' and ')} in its ${set} set`];
  });
}
