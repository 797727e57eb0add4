/** Mounts that cannot be made: a folder onto a file of the image, a file onto a folder, below a file, inside /proc. Nothing starts then. */
import type { RootFs } from '../image/image.ts';
import { isWithin } from '../linux/file-path.ts';
import type { PlatformProfile, RuntimeKind } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { type AskedMount, askedMounts } from './asked-mounts.ts';
import { startShape } from './executable.ts';
import { type LaunchSubject, phaseReason, type Stopped, stopped } from './input.ts';
import type { LaunchMount } from './launch.ts';
import { placeOf } from './mounts.ts';

type Hindrance = 'a file is there' | 'a folder is there' | 'below a file' | 'inside /proc';

/** The first one that fails; undefined = all can be made, as far as is known. */
export function mountRefused(
  image: LaunchSubject,
  settings: ContainerSettings,
  profile: PlatformProfile,
  mounts: readonly LaunchMount[],
): Stopped | undefined {
  const { rootFs } = image;
  if (rootFs === undefined) return undefined;
  for (const asked of askedMounts(image, settings, profile, mounts)) {
    const resolved = rootFs.resolve(asked.target);
    const place = placeOf(asked.target, rootFs);
    // What lies on another mount is not the image's; /proc has a rule of its own.
    const over = mounts.filter(({ target }) => target !== '/' && target !== place && isWithin(place, target));
    const proc = over.length === 1 && over[0]?.target === '/proc' && over[0].type === 'proc';
    if (over.length > 0 && !proc) continue;
    const hindrance = proc ? inProc(place, profile) : hindranceOf(asked, resolved);
    if (hindrance === undefined) continue;
    const where = { path: resolved.entry?.path ?? asked.target };
    const source = `${asked.source} cannot be mounted at ${asked.target}: ${REASONS[hindrance](asked, place)}`;
    const because = [{ field: `mounts.${asked.target}`, value: '', source, where }];
    const early = beforehand(asked, hindrance, place, profile);
    if (early !== undefined) return stopped('runtime', phaseReason(profile, early.phase), early.words, because);
    const words = `error mounting "${asked.source}" to rootfs at "${asked.target}": ${failure(asked, hindrance, profile.runtime ?? 'runc')}`;
    const said = profile.runtime === 'crun' ? failure(asked, hindrance, 'crun') : words;
    return stopped('runtime', phaseReason(profile, 'start'), ...shaped(profile, said, because));
  }
  return undefined;
}

const REASONS: Readonly<Record<Hindrance, (asked: AskedMount, path: string) => string>> = {
  'a file is there': (asked, path) => `it is a folder, and ${path === asked.target ? 'that' : path} is a file in the image`,
  'a folder is there': (asked, path) => `it is a file, and ${path === asked.target ? 'that' : path} is a folder in the image`,
  'below a file': () => 'a part of that path is a file in the image',
  'inside /proc': () => 'the runtime mounts nothing inside /proc but a few files of statistics (runc checkProcMount)',
};

/** The words, and how the platform wraps them: a runtime that has come as far as its mounts says so (observed with runc 1.1.5 and 1.5.2). */
function shaped(
  profile: PlatformProfile,
  words: string,
  because: Stopped['because'],
): [string, Stopped['because'], string | undefined] {
  const shape = startShape(profile, words);
  const init = 'error during container init: ';
  const lacks = profile.runtime !== 'crun' && shape?.includes(init) !== true;
  return [lacks ? `${init}${words}` : words, because, shape];
}

function hindranceOf({ what }: AskedMount, { entry, error }: ReturnType<RootFs['resolve']>): Hindrance | undefined {
  if (error === 'ENOTDIR') return 'below a file';
  if (entry === undefined) return undefined;
  if (what === 'directory') return entry.type === 'directory' ? undefined : 'a file is there';
  return entry.type === 'directory' ? 'a folder is there' : undefined;
}

/** What runc lets be covered (libcontainer/rootfs_linux.go checkProcMount). */
const COVERED =
  /^\/proc\/(?:cpuinfo|diskstats|meminfo|stat|swaps|uptime|loadavg|slabinfo|net\/dev|sys\/kernel\/ns_last_pid|sys\/crypto\/fips_enabled)$/;

function inProc(path: string, { runtime }: PlatformProfile): Hindrance | undefined {
  return runtime === 'crun' || COVERED.test(path) ? undefined : 'inside /proc';
}

/** In the order in which runc 1.2 and later name them; a bind takes what is below with it. */
const FLAGS: readonly (readonly [option: string, bit: number, name: string])[] = [
  ['ro', 0x1, 'MS_RDONLY'],
  ['nosuid', 0x2, 'MS_NOSUID'],
  ['nodev', 0x4, 'MS_NODEV'],
  ['noexec', 0x8, 'MS_NOEXEC'],
  ['bind', 0x5000, 'MS_BIND|MS_REC'],
];

/** Why, as each runtime puts it (observed with runc 1.1.5 and 1.5.2; crun: src/libcrun/linux.c do_mount). */
function failure({ source, target, how, options }: AskedMount, hindrance: Hindrance, runtime: RuntimeKind): string {
  const parent = target.slice(0, Math.max(1, target.lastIndexOf('/')));
  if (runtime === 'crun') return `mount \`${source}\` to \`${target.slice(1)}\`: Not a directory`;
  const old = runtime === 'runc-1.1';
  if (hindrance === 'inside /proc') {
    const refused = `"…${target}" cannot be mounted because it is inside /proc`;
    return old ? refused : `create mountpoint for ${target} mount: check proc-safety of ${target} mount: ${refused}`;
  }
  if (hindrance === 'below a file') {
    if (!old)
      return `create mountpoint for ${target} mount: lookup mountpoint target: securejoin.OpenInRoot ${target}: openat2 ${target}: not a directory`;
    return how === 'tmpfs' ? `mkdir …${parent}: not a directory` : `open o_path procfd: open …${target}: not a directory`;
  }
  const self = old ? '/proc/self/fd/…' : '/proc/thread-self/fd/…';
  // What lies below is copied first.
  if (options.includes('tmpcopyup')) return `tmpcopyup: failed to copy ${target} to ${self} (…): stat ${self}: not a directory`;
  const set = FLAGS.filter(([name]) => name === how || options.includes(name));
  // The number of the descriptor is what it happens to be.
  return old
    ? `mount ${source}:${target} (via ${self}), flags: 0x${set.reduce((sum, [, bit]) => sum | bit, 0).toString(16)}: not a directory`
    : `mount src=${source}, dst=${target}, dstFd=${self}, flags=${set.map(([, , name]) => name).join('|')}: not a directory`;
}

/**
 * Who fails already where the image's content is copied into the volume: Docker (moby daemon/create_unix.go; continuity fs.CopyDir), containerd
 * (container WithVolumes), CRI-O (its `mkdir`), Podman below a file (observed with 20.10.24, 1.6.20, 4.3.1; CRI-O from its sources).
 */
function beforehand(
  { copied, target }: AskedMount,
  hindrance: Hindrance,
  path: string,
  profile: PlatformProfile,
): { readonly phase: 'create' | 'start'; readonly words: string } | undefined {
  if (copied === undefined || hindrance === 'inside /proc') return undefined;
  const below = hindrance === 'below a file';
  if (profile.name === 'docker') {
    if (below) return { phase: 'create', words: `lstat …${target}: not a directory` };
    const words =
      copied === 'VOLUME' ? `cannot mount volume over existing file, file exists …${path}` : `source …${path} is not directory`;
    return { phase: 'create', words };
  }
  if (profile.name === 'podman')
    return below
      ? { phase: 'start', words: `identifying source directory for copy up into volume …: lstat …${target}: not a directory` }
      : undefined;
  if (copied !== 'VOLUME') return undefined;
  if (profile.imageVolumes === 'mkdir-user-owned') return { phase: 'create', words: `mkdir …${target}: not a directory` };
  const words = below
    ? `rootpath on mountPath …, volume ${target}: lstat …${target}: not a directory`
    : `taking runtime copy of volume: source …${path} is not directory`;
  return { phase: 'create', words: `failed to create containerd container: ${words}` };
}
