/** Flags of docker run beside a manifest: it says itself how its containers are started. */
import type { ContainerSettings } from '../workload/container.ts';
import { usageError } from './usage-error.ts';

/** Throws when there are any. `--user` of `check` is none of them: there it is whom to check for. */
export function refuseSettings(settings: ContainerSettings, targets: readonly string[]): void {
  const [given] = Object.keys(settings);
  if (given === undefined) return;
  throw usageError(
    `${targets.join(', ')} says how its containers are started; ${given} of the command line has no place there`,
    'no flags of docker run beside manifests',
    'Name the image instead, or write it into the manifest',
  );
}
