/** The low-level runtime finds fault with what it is asked for, before it begins to start a process. */
import type { PlatformProfile } from '../platform/platform.ts';
import { phaseReason, type Stopped, stopped } from './input.ts';
import type { Derivation } from './launch.ts';

/** Wrapped as the platform wraps a failed start, without what that says of a process (observed with Docker 20.10, containerd 1.6 and 2.4, podman 4.3). */
export function specRefused(profile: PlatformProfile, words: string, because: readonly Derivation[]): Stopped {
  const byText = profile.refusals?.startByText;
  const whole = byText?.other.replace('%s', `${profile.runtime === 'crun' ? byText.prefix.crun : byText.prefix.runc}%s`);
  const shape = (whole ?? profile.refusals?.start)?.replace(
    /unable to start container process: (?:error during container init: )?/,
    '',
  );
  return stopped('runtime', phaseReason(profile, 'start'), words, because, shape);
}
