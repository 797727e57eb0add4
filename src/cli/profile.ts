/** Whose rules decide, when nobody says: those of the engine that would run the image here. Looks without starting an engine. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type ConfFile, containersConf } from '../platform/containers-conf.ts';
import type { PlatformProfile, ProfileName } from '../platform/platform.ts';
import { PROFILE_NAMES, profile, profileOfAnyVersion } from '../platform/profiles.ts';
import { usageError } from './usage-error.ts';

/**
 * The profile asked for, in its newest version, so that the answer does not depend on this machine. Otherwise that of the store the image
 * lies in, else of podman or docker when installed, in the version at hand; Docker's newest without any.
 */
export async function profileFor(target: string, asked: ProfileName | undefined): Promise<PlatformProfile> {
  if (asked !== undefined) return profile(asked);
  const engine = storeOf(target) ?? (['podman', 'docker'] as const).find(onPath);
  if (engine === undefined || !onPath(engine)) return profile(engine ?? 'docker');
  const configured = engine === 'podman' ? containersConf(confFiles()) : undefined;
  // Asking costs more than all the rest of `who`.
  return profileOfAnyVersion(engine, configured) ?? profile(engine, await versionOf(engine), configured);
}

/** Of Kubernetes objects, whose cluster is not at hand. A platform without a kubelet does not heed what they say. */
export function manifestProfile(asked: ProfileName | undefined): PlatformProfile {
  const chosen = profile(asked ?? 'containerd-2');
  if (chosen.kubelet) return chosen;
  const fitting = PROFILE_NAMES.filter((name) => profile(name).kubelet);
  throw usageError(
    `--platform-profile ${asked}: manifests are for a kubelet, and ${asked} has none`,
    `one of ${fitting.join(', ')}`,
  );
}

/** Which of the two an answer is about: a pod on a kubelet, or a service on an engine. */
export type ManifestProfiles = (format: 'kubernetes' | 'compose') => PlatformProfile;

/**
 * The profile asked for where it fits, containerd 2 for the pods and Docker for the services otherwise. Throws when it fits nothing of what was
 * found.
 */
export function manifestProfiles(asked: ProfileName | undefined, found: readonly ('kubernetes' | 'compose')[]): ManifestProfiles {
  if (asked !== undefined && found.length > 0 && !found.includes(profile(asked).kubelet ? 'kubernetes' : 'compose')) {
    if (found.includes('kubernetes')) return () => manifestProfile(asked);
    throw usageError(
      `--platform-profile ${asked}: a compose file is for an engine, and ${asked} has a kubelet`,
      `one of ${PROFILE_NAMES.filter((name) => !profile(name).kubelet).join(', ')}`,
    );
  }
  const fits = (kubelet: boolean): ProfileName | undefined =>
    asked !== undefined && profile(asked).kubelet === kubelet ? asked : undefined;
  // The same object for all containers: what was worked out for one goes by it.
  const pods = profile(fits(true) ?? 'containerd-2');
  const services = profile(fits(false) ?? 'docker');
  return (format) => (format === 'kubernetes' ? pods : services);
}

function storeOf(target: string): 'podman' | 'docker' | undefined {
  if (target.startsWith('containers-storage:')) return 'podman';
  return target.startsWith('docker-daemon:') ? 'docker' : undefined;
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

/** `podman version 4.3.1`, `Docker version 20.10.24, build …`; undefined = unknown, which means the newest profile. */
async function versionOf(program: string): Promise<string | undefined> {
  const { execFile } = await import('node:child_process');
  return new Promise((resolve) => {
    execFile(program, ['--version'], { timeout: 5000 }, (_error, stdout) =>
      resolve(/version (\S+?),?\s/.exec(`${stdout} `)?.[1]),
    );
  });
}

/** The places of containers.conf(5), later ones win. */
function confFiles(): readonly ConfFile[] {
  const { CONTAINERS_CONF, XDG_CONFIG_HOME, HOME } = process.env;
  const home = XDG_CONFIG_HOME ?? (HOME === undefined ? undefined : join(HOME, '.config'));
  const own = home === undefined ? [] : [join(home, 'containers/containers.conf')];
  const places =
    CONTAINERS_CONF === undefined
      ? ['/usr/share/containers/containers.conf', '/etc/containers/containers.conf', ...own]
      : [CONTAINERS_CONF];
  return places.flatMap((path) => {
    try {
      return [{ path, text: readFileSync(path, 'utf8') }];
    } catch {
      return []; // not there, or not for us: the defaults hold
    }
  });
}
