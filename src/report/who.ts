/** From a Launch or a Refusal to what `who` says of it. */
import type { Launch, Refusal } from '../launch/launch.ts';
import { SCHEMA_VERSION, type WhoContainer, type WhoReport } from './report.ts';

/** One container as the contract of `who` wants it. */
export function whoContainer(launch: Launch | Refusal): WhoContainer {
  const common = { name: launch.name, image: launch.image, platform: launch.platform.name, because: launch.because };
  if (launch.kind === 'refusal') {
    return { ...common, outcome: 'refused', message: launch.message, reason: launch.reason, refusedBy: launch.by };
  }
  return {
    ...common,
    outcome: 'starts',
    uid: launch.uid,
    gid: launch.gid,
    groups: launch.groups,
    ...(launch.userName === undefined ? {} : { userName: launch.userName }),
    hostUid: launch.hostUid,
    home: launch.home,
    isRoot: launch.uid === 0,
    noNewPrivileges: launch.noNewPrivileges,
    capabilities: launch.capabilities,
    argv: launch.argv,
    cwd: launch.cwd,
  };
}

/** The document of `who`. */
export const whoReport = (launches: readonly (Launch | Refusal)[]): WhoReport => ({
  schemaVersion: SCHEMA_VERSION,
  kind: 'who',
  containers: launches.map(whoContainer),
});
