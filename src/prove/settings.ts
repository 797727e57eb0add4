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
  // Podman takes ALL on one side only (common pkg/capabilities MergeCapabilities), and who asks for all of them is left with them.
  const all = profile.capabilityMerge === 'podman' && (settings.capAdd ?? []).some((name) => /^all$/i.test(name));
  return { ...settings, ...identity, ...(all ? {} : { capDrop: ['ALL'] }), noNewPrivileges: true };
}

export function settingsOfRun(
  run: Run,
  recipient: Recipient,
  settings: ContainerSettings,
  profile: PlatformProfile,
): ContainerSettings {
  const asked = (settings.volumes ?? []).map((volume) => prepared(volume, run));
  // On a root that is read-only nothing else makes a folder writable; elsewhere they say whose a mount has to be.
  const data = run.readOnly ? run.volumes.filter(({ path }) => !asked.some(({ target }) => target === path)) : [];
  const volumes: Volume[] = [
    ...asked,
    ...data.map(({ path }): Volume => ({ kind: profile.kubelet ? 'empty-dir' : 'anonymous', target: path })),
    ...run.tmpfs.map(tmpfsVolume),
  ];
  const group = profile.kubelet && settings.fsGroup === undefined && run.volumes.some(({ remedy }) => remedy === 'fsGroup');
  return {
    ...settingsAs(recipient, settings, profile),
    ...(group ? { fsGroup: fsGroupOf(recipient, profile), fsGroupChangePolicy: 'OnRootMismatch' as const } : {}),
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

/** Of a pod: the user's own group; for any uid the one that OpenShift hands out with it. */
export const fsGroupOf = ({ gid, arbitrary }: Recipient, { arbitraryUid }: PlatformProfile): number =>
  arbitrary ? (arbitraryUid?.first ?? OPENSHIFT_FIRST) : gid;

/** The first id of OpenShift's first block, where no profile says another (docs/profiles.md). */
const OPENSHIFT_FIRST = 1_000_680_000;

/** A claim that somebody prepares before the first start: its top folder is as the fix says. */
function prepared(volume: Volume, run: Run): Volume {
  const wanted = run.volumes.find(({ path, remedy }) => path === volume.target && (remedy === 'migrate' || remedy === 'init'));
  if (wanted === undefined || volume.kind !== 'named') return volume;
  const [uid, gid] = wanted.owner.split(':').map(Number) as [number, number];
  return { ...volume, uid, gid, mode: Number.parseInt(wanted.mode, 8) };
}

/** `/run:mode=1777` as `docker run --tmpfs` takes it. */
function tmpfsVolume(spec: string): Volume {
  const colon = spec.indexOf(':');
  const target = colon < 0 ? spec : spec.slice(0, colon);
  const mode = /(?:^|,)mode=([0-7]+)/.exec(colon < 0 ? '' : spec.slice(colon + 1))?.[1];
  return { kind: 'tmpfs', target, ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }) };
}

/**
 * The run settings of the result with what was asked for on top of the image, which both runs had: whoever starts the result from them alone must get
 * the container that was proved. Only for the report: an environment that was given for a run is none of the image's business.
 */
export function withAsked(run: Run, settings: ContainerSettings): Run {
  const entrypoint = run.entrypoint ?? settings.entrypoint;
  const command = run.entrypoint === undefined ? (run.command ?? settings.command) : run.command;
  const workdir = run.workdir ?? settings.workdir;
  const tmpfs = (settings.volumes ?? []).filter((volume) => volume.kind === 'tmpfs').map(tmpfsText);
  return {
    ...run,
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(command === undefined ? {} : { command }),
    ...(workdir === undefined ? {} : { workdir }),
    env: { ...settings.env, ...run.env },
    tmpfs: [...new Set([...tmpfs, ...run.tmpfs])],
    capAdd: [...new Set([...(settings.capAdd ?? []), ...run.capAdd])],
    sysctls: { ...settings.sysctls, ...run.sysctls },
    readOnly: run.readOnly || settings.readOnly === true,
    ...(settings.network === 'host' ? { network: 'host' as const } : {}),
  };
}

function tmpfsText({ target, mode, uid, gid, sizeLimit, readOnly }: Volume): string {
  const options = [
    ...(readOnly ? ['ro'] : []),
    ...(mode === undefined ? [] : [`mode=${mode.toString(8)}`]),
    ...(uid === undefined ? [] : [`uid=${uid}`]),
    ...(gid === undefined ? [] : [`gid=${gid}`]),
    ...(sizeLimit === undefined ? [] : [`size=${sizeLimit}`]),
  ];
  return options.length > 0 ? `${target}:${options.join(',')}` : target;
}
