/** From a Launch or a Refusal to what `who` says of it. */
import type { Diagnostic } from '../finding/finding.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import { type WhoUnknown, whoOf } from '../launch/who.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { type InWorkload, SCHEMA_VERSION, type WhoContainer, type WhoReport } from './report.ts';

/** One container as the contract of `who` wants it, with whose rules decided and what would be executed. */
export function whoContainer(launch: Launch | Refusal, workload?: InWorkload): WhoContainer {
  const common = { ...whoOf(launch), ...within(workload), platform: launch.platform.name };
  return launch.kind === 'refusal' ? { ...common, refusedBy: launch.by } : { ...common, argv: launch.argv, cwd: launch.cwd };
}

/** One whose image is not at hand. */
export const unknownContainer = (known: WhoUnknown, profile: PlatformProfile, workload?: InWorkload): WhoContainer => ({
  ...known,
  ...within(workload),
  platform: profile.name,
});

const within = (workload: InWorkload | undefined): { workload?: InWorkload } => (workload === undefined ? {} : { workload });

/** The document of `who`. */
export const whoReport = (containers: readonly WhoContainer[], diagnostics: readonly Diagnostic[] = []): WhoReport => ({
  schemaVersion: SCHEMA_VERSION,
  kind: 'who',
  containers,
  ...(diagnostics.length === 0 ? {} : { diagnostics }),
});
