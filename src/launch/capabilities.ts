/** The capability list the platform gives, and the five sets its runtime sets before it executes the entrypoint. */
import {
  ALL_CAPABILITIES,
  type Capability,
  type CapabilitySet,
  type CapabilityState,
  capabilitySet,
  parseCapability,
} from '../linux/capability.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { type HostFacts, phaseReason, type Stopped, stopped } from './input.ts';
import type { Derivation } from './launch.ts';

export interface Capabilities {
  readonly kind: 'capabilities';
  readonly runtime: CapabilityState;
  readonly because: readonly Derivation[];
}

interface Asked {
  readonly add: readonly (Capability | 'ALL')[];
  readonly drop: readonly (Capability | 'ALL')[];
}

/** `userText` is the user string the runtime gets: Podman looks at the text, not at the uid. */
export function capabilitiesOf(
  settings: ContainerSettings,
  profile: PlatformProfile,
  host: HostFacts | undefined,
  uid: number,
  userText: string,
): Capabilities | Stopped {
  const because: Derivation[] = [];
  const asked = readNames(settings, profile, because);
  if ('kind' in asked) return asked;
  const available = host?.bounding ?? ALL_CAPABILITIES;
  const merged = merge(asked, settings, profile, profile.allCapabilities ?? available);
  if ('kind' in merged) return merged;
  const wanted = merged.list;
  // What the engine has not in its own bounding set, its container cannot have either.
  const list = profile.allCapabilities === undefined ? wanted : wanted.filter((name) => available.includes(name));
  if (list.length < wanted.length && (profile.nonRootCapabilities !== 'bounding-only' || uid === 0)) {
    const source = `${profile.name} asks for what it has not itself (${profile.sources.allCapabilities ?? ''})`;
    const because: Derivation[] = [{ field: 'capabilities.permitted', value: wanted.join(','), source }];
    const words = 'unable to apply caps: operation not permitted';
    return stopped('runtime', phaseReason(profile, 'start'), words, because, profile.refusals?.start);
  }
  const beyond = wanted.filter((name) => !available.includes(name));
  if (profile.kubelet && profile.runtime !== 'crun' && beyond.length > 0) {
    const source = "asked for by name, and outside the node's own bounding set: runc cannot raise it (observed with 1.1 and 1.5)";
    const because: Derivation[] = [{ field: 'capabilities.bounding', value: beyond.join(','), source }];
    const newer = profile.runtime === 'runc' ? "can't apply capabilities: " : '';
    const words = `unable to apply caps: ${newer}operation not permitted`;
    return stopped('runtime', phaseReason(profile, 'start'), words, because, profile.refusals?.start);
  }
  because.push({ field: 'capabilities.bounding', value: list.join(','), source: merged.source });

  const all = (permitted: CapabilitySet): CapabilityState => ({
    bounding: list,
    permitted,
    effective: permitted,
    inheritable: profile.inheritableCapabilities === true ? list : [],
    ambient: [],
  });
  const sets = (value: CapabilitySet, why: string, runtime: CapabilityState): Capabilities => {
    because.push({ field: 'runtimeCapabilities.permitted', value: value.join(','), source: why });
    return { kind: 'capabilities', runtime, because };
  };
  const rule = profile.sources.nonRootCapabilities ?? profile.nonRootCapabilities;
  switch (profile.nonRootCapabilities) {
    case 'permitted':
      return sets(list, `permitted and effective are the whole list for every user (${rule})`, all(list));
    case 'bounding-only':
      return uid === 0
        ? sets(list, 'uid 0 gets the whole list', all(list))
        : sets([], `uid ${uid} is not 0: only the bounding set is kept (${rule})`, all([]));
    case 'added-as-ambient': {
      const text = userText.split(':')[0] as string;
      if (text === '' || text === 'root' || text === '0')
        return sets(list, `the user is written "${text}", which counts as root`, all(list));
      const added = asked.add.includes('ALL') ? list : capabilitySet(asked.add.filter((name) => name !== 'ALL'));
      const why = `the user is written "${text}": only added capabilities, and those are ambient too (${rule})`;
      return sets(added, why, { bounding: list, permitted: added, effective: added, inheritable: added, ambient: added });
    }
  }
}

/** Names as the platform reads them; what containerd loses in silence is said. */
function readNames(settings: ContainerSettings, profile: PlatformProfile, because: Derivation[]): Asked | Stopped {
  // Podman reads its flags as comma-separated lists (pflag StringSlice): an empty one is no name at all (observed with 4.3.1).
  const words = (text: string): readonly string[] =>
    profile.capabilityMerge !== 'podman' ? [text] : text === '' ? [] : text.split(',');
  const read = (texts: readonly string[], verb: 'add' | 'drop'): (Capability | 'ALL')[] | Stopped => {
    const names: (Capability | 'ALL')[] = [];
    for (const text of texts.flatMap(words)) {
      const name = parseCapability(text);
      const lost = profile.capabilityPrefix === 'always-added' && /^cap_/i.test(text.trim());
      if (name !== undefined && !lost) {
        names.push(name);
        continue;
      }
      const spelled = `CAP_${lost ? text.trim().toUpperCase() : text.trim().toUpperCase().replace(/^CAP_/, '')}`;
      const shape = profile.refusals?.unknownCapability?.[verb];
      const source = lost
        ? `cap-${verb} "${text}" becomes ${spelled}, which runc ignores: write it without CAP_ (${profile.sources.capabilityPrefix ?? ''})`
        : `cap-${verb} "${text}": no capability has that name`;
      const derivation: Derivation = { field: 'capabilities.bounding', value: text, source };
      if (shape !== undefined) return stopped('runtime', phaseReason(profile, 'create'), spelled, [derivation], shape);
      because.push(derivation);
    }
    return names;
  };
  const add = read(settings.capAdd ?? [], 'add');
  if ('kind' in add) return add;
  const drop = read(settings.capDrop ?? [], 'drop');
  return 'kind' in drop ? drop : { add, drop };
}

function merge(
  { add, drop }: Asked,
  settings: ContainerSettings,
  profile: PlatformProfile,
  available: CapabilitySet,
): { readonly list: CapabilitySet; readonly source: string } | Stopped {
  const base = profile.defaultCapabilities;
  const source = profile.sources.defaultCapabilities ?? profile.name;
  if (settings.privileged === true) return { list: available, source: 'privileged: every capability the engine itself has' };
  if (add.length === 0 && drop.length === 0) return { list: base, source: `the default of ${profile.name}: ${source}` };
  const named = (names: readonly (Capability | 'ALL')[]): Capability[] =>
    names.filter((name): name is Capability => name !== 'ALL');
  const adds = named(add);
  const drops = new Set<Capability>(named(drop));
  const said = [...add.map((name) => `+${name}`), ...drop.map((name) => `-${name}`)].join(' ');
  const result = (names: Iterable<Capability>): { list: CapabilitySet; source: string } => ({
    list: capabilitySet(names),
    source: `the default of ${profile.name} with ${said} (${source})`,
  });

  if (profile.capabilityMerge === 'cri') {
    const start = add.includes('ALL') ? available : base;
    const kept = drop.includes('ALL') ? [] : start;
    return result([...kept, ...adds].filter((name) => !drops.has(name)));
  }
  if (profile.capabilityMerge === 'podman') {
    const refuse = (words: string): Stopped =>
      stopped('runtime', phaseReason(profile, 'create'), words, [
        { field: 'capabilities.bounding', value: said, source: profile.sources.capabilityMerge ?? 'podman' },
      ]);
    if (add.includes('ALL') && drop.includes('ALL')) return refuse('adding all caps and removing all caps not allowed');
    const both = add.includes('ALL') ? undefined : adds.find((name) => drops.has(name));
    if (both !== undefined) return refuse(`capability "${both}" cannot be dropped and added`);
  }
  if (add.includes('ALL')) return result(available.filter((name) => !drops.has(name)));
  if (drop.includes('ALL')) return result(adds);
  return result([...base.filter((name) => !drops.has(name)), ...adds]);
}
