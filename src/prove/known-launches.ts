/** Thousands of containers of manifests differ in nothing but the names of their pods: what follows from the rest is worked out once. */
import type { Launch, Refusal } from '../launch/launch.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';

const MOST = 2000;

type Results = Map<string, unknown>;

/** By what they follow from beside the settings: an image, and the rules. */
const known = new WeakMap<object, WeakMap<PlatformProfile, Results>>();

/** Undefined: not of a pod, so that nothing is kept. */
function resultsOf(of: object, profile: PlatformProfile, settings: ContainerSettings): Results | undefined {
  if (settings.pod?.object === undefined) return undefined;
  const byProfile = known.get(of) ?? new WeakMap<PlatformProfile, Results>();
  known.set(of, byProfile);
  const results = byProfile.get(profile) ?? new Map<string, unknown>();
  byProfile.set(profile, results);
  return results;
}

/** What is started of a pod's container. */
export function knownLaunch(
  subject: object,
  settings: ContainerSettings,
  profile: PlatformProfile,
  work: () => Launch | Refusal,
): Launch | Refusal {
  const results = resultsOf(subject, profile, settings);
  if (results === undefined) return work();
  const key = keyOf(settings, 'launch');
  const before = results.get(key) as Launch | Refusal | undefined;
  if (before !== undefined) return before.kind === 'launch' ? { ...before, settings } : before;
  const made = work();
  // The words of a refusal may name the pod.
  const says = made.kind === 'launch' ? undefined : [made.message, made.because];
  if (results.size < MOST && !namesItsPod(says, settings)) results.set(key, made);
  return made;
}

/** Plain data that is worked out of an image for a pod's container; `kind`: which, and what else it follows from. */
export async function knownResult<T>(
  image: object,
  settings: ContainerSettings,
  profile: PlatformProfile,
  kind: string,
  work: () => Promise<T>,
): Promise<T> {
  const results = resultsOf(image, profile, settings);
  if (results === undefined) return work();
  const key = keyOf(settings, kind);
  const before = results.get(key) as T | undefined;
  if (before !== undefined) return before;
  const made = await work();
  if (results.size < MOST && !namesItsPod(made, settings)) results.set(key, made);
  return made;
}

function namesItsPod(said: unknown, { pod, hostname }: ContainerSettings): boolean {
  if (said === undefined) return false;
  const text = JSON.stringify(said);
  const { name, generateName } = pod?.object?.metadata ?? {};
  return [pod?.name, pod?.namespace, pod?.uid, name, generateName, hostname].some(
    (one) => typeof one === 'string' && one !== '' && text.includes(one),
  );
}

/** All but the names and labels of the pod: those stand in words (src/launch reads them for nothing else), and words that name them are not kept. */
function keyOf(settings: ContainerSettings, kind: string): string {
  const { pod, hostname: _hostname, ...own } = settings;
  const { metadata: _metadata, ...rest } = pod?.object ?? {};
  return JSON.stringify([kind, own, rest]);
}
