/** From a Launch or a Refusal to what `who` says of it. */
import type { Launch, Refusal } from '../launch/launch.ts';
import { whoOf } from '../launch/who.ts';
import { SCHEMA_VERSION, type WhoContainer, type WhoReport } from './report.ts';

/** One container as the contract of `who` wants it, with whose rules decided and what would be executed. */
export function whoContainer(launch: Launch | Refusal): WhoContainer {
  const common = { ...whoOf(launch), platform: launch.platform.name };
  return launch.kind === 'refusal' ? { ...common, refusedBy: launch.by } : { ...common, argv: launch.argv, cwd: launch.cwd };
}

/** The document of `who`. */
export const whoReport = (launches: readonly (Launch | Refusal)[]): WhoReport => ({
  schemaVersion: SCHEMA_VERSION,
  kind: 'who',
  containers: launches.map(whoContainer),
});
