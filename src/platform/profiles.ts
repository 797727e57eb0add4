/** All platform profiles, and the choice of one by name and engine version. */
import { UnrootError } from '../error.ts';
import { DOCKER } from './docker.ts';
import { CONTAINERD_1, CONTAINERD_2, CRIO, OPENSHIFT } from './kubernetes.ts';
import type { PlatformProfile, ProfileName } from './platform.ts';
import { PODMAN } from './podman.ts';
import type { ProfileVariant } from './variant.ts';
import { compareVersions, inRanges, versionNumbers } from './versions.ts';

/** Newest variant first. */
export const PROFILES: Readonly<Record<ProfileName, readonly ProfileVariant[]>> = {
  docker: DOCKER,
  podman: PODMAN,
  'containerd-1': CONTAINERD_1,
  'containerd-2': CONTAINERD_2,
  crio: CRIO,
  'openshift-restricted-v2': OPENSHIFT,
};

/** The names `--platform-profile` takes. */
export const PROFILE_NAMES: readonly ProfileName[] = Object.keys(PROFILES) as ProfileName[];

/** What a machine may have configured differently; `source` says where that was read. */
export interface ProfileOverrides
  extends Partial<
    Pick<
      PlatformProfile,
      | 'defaultCapabilities'
      | 'sysctls'
      | 'runtime'
      | 'noNewPrivileges'
      | 'environment'
      | 'tmpfs'
      | 'deviceOwnershipFromSecurityContext'
    >
  > {
  readonly source: string;
}

/**
 * The profile of a platform: the newest variant, or the one for the engine version at hand. A version that is no number (a development
 * build) gets the newest; one outside every range gets the nearest end.
 */
export function profile(name: ProfileName, version?: string, overrides?: ProfileOverrides): PlatformProfile {
  const variants = PROFILES[name];
  if (variants === undefined) throw unknownProfile(name);
  const numbers = version === undefined ? undefined : versionNumbers(version);
  const newest = (variants[0] as ProfileVariant).profile;
  const chosen = numbers === undefined ? newest : (variants.find(({ ranges }) => inRanges(numbers, ranges))?.profile ?? newest);
  return overrides === undefined ? chosen : withOverrides(chosen, overrides);
}

/** The profile when all versions of a platform, configured like this, follow the same rules: then nobody need ask which one is here. */
export function profileOfAnyVersion(name: ProfileName, overrides?: ProfileOverrides): PlatformProfile | undefined {
  const [first, ...others] = PROFILES[name].map(({ profile: base }) => ({
    ...(overrides === undefined ? base : withOverrides(base, overrides)),
    versions: 'any version, as configured here',
  }));
  return others.every((other) => JSON.stringify(other) === JSON.stringify(first)) ? first : undefined;
}

/** Narrows what a user typed to a profile's name; throws `platform.unknown-profile` with the list. */
export function profileName(text: string): ProfileName {
  const found = PROFILE_NAMES.find((name) => name === text);
  if (found === undefined) throw unknownProfile(text);
  return found;
}

/** The profile with what this machine configures differently; each changed field's source names the place. */
export function withOverrides(base: PlatformProfile, overrides: ProfileOverrides): PlatformProfile {
  const { source, ...given } = overrides;
  const fields = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<PlatformProfile>;
  const sources = { ...base.sources };
  for (const field of Object.keys(fields)) sources[field] = source;
  // runc fills an empty HOME, crun leaves it (runc libcontainer/env.go; crun src/libcrun/container.c).
  const home = fields.runtime === undefined ? base.home : { ...base.home, emptyCountsAsUnset: fields.runtime !== 'crun' };
  return { ...base, ...fields, home, sources };
}

/**
 * The profile with the low-level runtime at hand: `version` is what `runc --version` prints, or a bare version. runc 1.1 speaks and checks
 * differently from later ones, and before 1.1.8 the mode of a tmpfs was always that of the directory it covers (observed with 1.1.5).
 */
export function withRuntime(base: PlatformProfile, kind: 'runc' | 'crun', version?: string): PlatformProfile {
  const text = /version\s+(\S+)/.exec(version ?? '')?.[1] ?? version ?? '';
  const numbers = versionNumbers(text);
  const source = `${kind} ${text}`.trim();
  if (kind === 'crun') return withOverrides(base, { runtime: 'crun', source });
  const before = (limit: readonly number[]): boolean => numbers !== undefined && compareVersions(numbers, limit) < 0;
  const runtime = before([1, 2]) ? 'runc-1.1' : 'runc';
  return withOverrides(base, {
    runtime,
    ...(before([1, 1, 8]) ? { tmpfs: { ...base.tmpfs, explicitModeLost: true } } : {}),
    source,
  });
}

function unknownProfile(name: string): UnrootError {
  return new UnrootError(`There is no platform profile "${name}"`, {
    code: 'platform.unknown-profile',
    expected: `one of ${PROFILE_NAMES.join(', ')}`,
    hint: 'Leave --platform-profile out to take the engine at hand, or containerd-2 for Kubernetes objects.',
  });
}
