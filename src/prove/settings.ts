/** Run settings of a fix as the settings of a container: what the second run is started with. */

import type { Run } from '../finding/fix.ts';
import type { Recipient } from '../fixes/context.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings, Volume } from '../workload/container.ts';

/** The same container as somebody else: no capability but the added ones, no new privileges, and the kubelet's check where there is a kubelet. */
export function settingsAs(recipient: Recipient, settings: ContainerSettings, profile: PlatformProfile): ContainerSettings {
  const identity: ContainerSettings = profile.kubelet
    ? { runAsUser: recipient.uid, runAsGroup: recipient.gid, runAsNonRoot: true }
    : { user: `${recipient.uid}:${recipient.gid}` };
  return { ...settings, ...identity, capDrop: ['ALL'], noNewPrivileges: true };
}

export function settingsOfRun(
  run: Run,
  recipient: Recipient,
  settings: ContainerSettings,
  profile: PlatformProfile,
): ContainerSettings {
  const volumes: Volume[] = [...(settings.volumes ?? []), ...run.tmpfs.map(tmpfsVolume)];
  return {
    ...settingsAs(recipient, settings, profile),
    capAdd: [...(settings.capAdd ?? []), ...run.capAdd],
    noNewPrivileges: run.noNewPrivileges,
    ...(run.readOnly ? { readOnly: true } : {}),
    env: { ...settings.env, ...run.env },
    sysctls: { ...settings.sysctls, ...run.sysctls },
    ...(run.entrypoint === undefined ? {} : { entrypoint: run.entrypoint }),
    ...(run.command === undefined ? {} : { command: run.command }),
    ...(run.workdir === undefined ? {} : { workdir: run.workdir }),
    ...(volumes.length > 0 ? { volumes } : {}),
  };
}

/** `/run:mode=1777` as `docker run --tmpfs` takes it. */
function tmpfsVolume(spec: string): Volume {
  const colon = spec.indexOf(':');
  const target = colon < 0 ? spec : spec.slice(0, colon);
  const mode = /(?:^|,)mode=([0-7]+)/.exec(colon < 0 ? '' : spec.slice(colon + 1))?.[1];
  return { kind: 'tmpfs', target, ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }) };
}
