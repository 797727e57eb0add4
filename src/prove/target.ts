/** Who the recipient would be, also where the image as it is would not be executed for its file capabilities: that is a matter of the image, and remedied there. */
import type { Launch, Refusal } from '../launch/launch.ts';
import type { CapabilityState } from '../linux/capability.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { launchOf, type Subject } from './subject.ts';

const NONE = { permitted: [], effective: [], inheritable: [], ambient: [] };

/** `asIs`: as the image says, whose program it is. Any other refusal stays one. */
export function targetOf(
  subject: Subject,
  asIs: Launch,
  settings: ContainerSettings,
  profile: PlatformProfile,
): Launch | Refusal {
  const target = launchOf(subject, settings, profile);
  if (target.kind === 'launch' || asIs.executable === undefined) return target;
  const carried = subject.rootFs.resolve(asIs.executable).entry?.fileCapabilities;
  if (carried?.effective !== true) return target;
  const capAdd = [...(settings.capAdd ?? []), ...carried.permitted.map((name) => name.replace(/^CAP_/, ''))];
  const allowed = launchOf(subject, { ...settings, capAdd }, profile);
  if (allowed.kind === 'refusal') return target;
  // As it would be had it started: without them.
  const without = ({ bounding }: CapabilityState): CapabilityState => ({
    ...NONE,
    bounding: bounding.filter((name) => !carried.permitted.includes(name)),
  });
  return {
    ...allowed,
    settings,
    runtimeCapabilities: without(allowed.runtimeCapabilities),
    capabilities: without(allowed.capabilities),
  };
}
