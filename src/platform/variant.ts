/** One row of a platform's table: a profile and the engine versions it is true for. */
import type { PlatformProfile } from './platform.ts';
import type { VersionRange } from './versions.ts';

export interface ProfileVariant {
  readonly profile: PlatformProfile;
  readonly ranges: readonly VersionRange[];
  /** Versions whose behaviour tests have seen and compared with this data; the rest is read from the sources it names. */
  readonly observed?: readonly string[];
}
