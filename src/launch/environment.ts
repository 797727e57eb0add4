/** The process's environment without HOSTNAME, which is the engine's; and HOME, which several programs have a say in. */
import { parsePasswd, userById } from '../linux/passwd.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Identity } from './identity.ts';
import type { LaunchSubject } from './input.ts';
import type { Derivation } from './launch.ts';

export interface Environment {
  readonly env: readonly string[];
  readonly home: string;
  readonly because: readonly Derivation[];
}

/** Platform's variables that nobody sets, then the image's, then the settings' in their place or at the end, then HOME. */
export function environmentOf(
  image: LaunchSubject,
  settings: ContainerSettings,
  profile: PlatformProfile,
  identity: Identity,
  cwd: string,
): Environment {
  const variables = new Map<string, string>();
  for (const [key, value] of Object.entries(profile.environment ?? {})) variables.set(key, `${key}=${value}`);
  for (const entry of image.config.env) variables.set(keyOf(entry), entry);
  for (const [key, value] of Object.entries(settings.env ?? {})) variables.set(key, `${key}=${value}`);
  const because: Derivation[] = [];
  const pathSaid = image.config.env.some((entry) => keyOf(entry) === 'PATH') || settings.env?.PATH !== undefined;
  if (!pathSaid && profile.environment?.PATH !== undefined) {
    because.push({
      field: 'env.PATH',
      value: profile.environment.PATH,
      source: `neither the image nor the settings set PATH: the default of ${profile.name}`,
    });
  }
  const home = homeOf(variables.get('HOME'), image, profile, identity, cwd);
  variables.set('HOME', `HOME=${home.value}`);
  because.push(home);
  return { env: [...variables.values()], home: home.value, because };
}

function homeOf(
  given: string | undefined,
  image: LaunchSubject,
  profile: PlatformProfile,
  identity: Identity,
  cwd: string,
): Derivation {
  const field = 'home';
  const value = given?.slice('HOME='.length);
  if (value !== undefined && (value !== '' || !profile.home.emptyCountsAsUnset)) {
    return {
      field,
      value,
      source: value === '' ? 'HOME is set to nothing, and this runtime leaves it so' : 'HOME is set in the environment',
    };
  }
  // An engine that names the user itself does so only when HOME is not set at all; an empty one is filled by the low-level runtime, by uid.
  const byUser = profile.home.by === 'user' && value === undefined;
  const entry = image.passwd === undefined ? undefined : userById(parsePasswd(image.passwd), identity.uid);
  const known = byUser ? identity.passwdHome : entry?.home;
  if (known !== undefined) {
    const line =
      byUser && identity.userName !== entry?.name
        ? {}
        : { where: { path: '/etc/passwd', ...(entry === undefined ? {} : { line: entry.line }) } };
    const who = byUser ? `"${identity.userName ?? identity.uid}"` : `the first line with uid ${identity.uid}`;
    return { field, value: known, source: `HOME is not set: home of ${who} in /etc/passwd`, ...line };
  }
  const why = `HOME is not set and uid ${identity.uid} has no line in /etc/passwd`;
  const kept = profile.passwdInjection === 'crio' ? cannotInject(image, identity) : undefined;
  if (profile.home.unknownUser === 'workdir' && kept === undefined) {
    return { field, value: cwd, source: `${why}: ${profile.name} adds one whose home is the working directory` };
  }
  return { field, value: '/', source: kept === undefined ? `${why}: "/"` : `${why}, and CRI-O adds none because ${kept}: "/"` };
}

/** cri-o utils/utils.go GeneratePasswd, checkFilePermissions: the old trick of `chmod g=u /etc/passwd` turns the injection off. */
function cannotInject(image: LaunchSubject, identity: Identity): string | undefined {
  if (image.passwd === undefined) return 'the image has no /etc/passwd';
  if (image.passwd === '') return '/etc/passwd is empty';
  const file = image.rootFs?.resolve('/etc/passwd').entry;
  if (file === undefined) return undefined;
  if ((file.mode & 0o022) !== 0) return '/etc/passwd is writable by group or others';
  return file.uid === identity.uid && (file.mode & 0o200) !== 0 ? 'the user owns /etc/passwd' : undefined;
}

const keyOf = (entry: string): string => entry.split('=', 1)[0] as string;
