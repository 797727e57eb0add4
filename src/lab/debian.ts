/**
 * Debian as folders for overlayfs: a minimal system made once by mmdebstrap (without it, of this machine's own packages), and what installing
 * some packages changed on it. Kept below the lab's cache by what they are made of.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../engine/command.ts';
import { register, undo } from '../engine/reaper.ts';
import { UnrootError } from '../error.ts';
import { withLock } from './lock.ts';
import { closure, copyPackages, namesIn, type OwnPackages, ownPackages } from './own-packages.ts';
import { makeOwnSystem, minimalPackages } from './own-system.ts';

export interface BuildOptions {
  readonly cacheFolder: string;
  readonly onProgress?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const SUITE = 'bookworm';
/** Raise when the way of building changes what it makes. */
const BUILDER = 2;
const EXCLUDED = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*', '/usr/share/lintian/*'];
const BUILD_MS = 600_000;

/** A short name of what a thing is made of. */
export const recipeHash = (...parts: readonly unknown[]): string =>
  createHash('sha256')
    .update(JSON.stringify([BUILDER, SUITE, process.arch, ...parts]))
    .digest('hex')
    .slice(0, 16);

/** Installs in an overlay; the namespace takes the mounts along, whatever happens. `$script` runs inside, as root of the new system. */
const INSTALL = String.raw`
set -eu
base=$1 work=$2 archives=$3 script=$4; shift 4
mkdir -p "$work/upper" "$work/index" "$work/root" "$archives/partial"
mount -t overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/index,redirect_dir=off,metacopy=off,index=off" overlay "$work/root"
cd "$work/root"
mount -t tmpfs -o mode=0755 dev dev
for one in null zero full random urandom tty; do : >dev/$one; mount --bind /dev/$one dev/$one; done
ln -s /proc/self/fd dev/fd
mount -t proc proc proc
mount --bind "$archives" var/cache/apt/archives
made=0
[ -e etc/resolv.conf ] || { : >etc/resolv.conf; made=1; }
mount --bind "$(readlink -f /etc/resolv.conf)" etc/resolv.conf
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d; chmod 755 usr/sbin/policy-rc.d
# Some packages put names for their manual pages into folders that must be there.
mkdir -p usr/share/man/man1
export DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ $# -gt 0 ]; then
  # A system copied from this machine has none of its own.
  bound=0
  [ -s etc/apt/sources.list ] || [ -n "$(ls etc/apt/sources.list.d 2>/dev/null)" ] || { mkdir -p etc/apt; mount --bind /etc/apt etc/apt; bound=1; }
  chroot . apt-get install -q -y --no-install-recommends "$@" >&2 ||
    { chroot . apt-get update -q >&2 && chroot . apt-get install -q -y --no-install-recommends "$@" >&2; }
  [ "$bound" = 0 ] || umount etc/apt
fi
umount etc/resolv.conf var/cache/apt/archives
[ -z "$script" ] || chroot . /bin/sh -ec "$script" >&2
rm -f usr/sbin/policy-rc.d
rm -rf usr/share/man/man1
[ "$made" = 0 ] || rm -f etc/resolv.conf
cd / && umount -l "$work/root"
cd "$work/upper"
rm -rf var/cache/apt/pkgcache.bin var/cache/apt/srcpkgcache.bin var/cache/apt/archives var/log/apt var/log/dpkg.log var/log/alternatives.log
`;

/** Whether a system can be built of packages here; else what is missing. */
export async function whyNoDebian(): Promise<string | undefined> {
  if (await hasMmdebstrap()) return undefined;
  return (await ownPackages()) === undefined
    ? 'mmdebstrap is not installed, and this machine has no packages of Debian that could be copied'
    : undefined;
}

const hasMmdebstrap = async (): Promise<boolean> => !(await runCommand(['mmdebstrap', '--version'])).missing;

/** The folder of the minimal system, and of whose packages it is made where mmdebstrap does not make it. */
async function minimalHome({ cacheFolder }: BuildOptions): Promise<{ readonly home: string; readonly own?: OwnPackages }> {
  const home = join(cacheFolder, 'systems', `minimal-${recipeHash(EXCLUDED)}`);
  if (existsSync(join(home, 'done')) || (await hasMmdebstrap())) return { home };
  const own = await ownPackages();
  if (own === undefined) return { home };
  const versions = minimalPackages(own).map(({ name, version }) => [name, version]);
  return { home: join(cacheFolder, 'systems', `minimal-own-${recipeHash(EXCLUDED, versions)}`), own };
}

/** The root of the minimal system; with lists of packages, so that more can be installed. */
export async function minimalSystem(options: BuildOptions): Promise<string> {
  const { home, own } = await minimalHome(options);
  return made(home, options, async (building) => {
    if (own !== undefined) {
      options.onProgress?.('Copying a minimal Debian from this machine, for mmdebstrap is not installed (this once)');
      await makeOwnSystem(own, join(building, 'root'), EXCLUDED, options.signal);
      return;
    }
    options.onProgress?.('Building a minimal Debian with mmdebstrap (about 30 s, this once)');
    const result = await runCommand(
      [
        'mmdebstrap',
        '--quiet',
        '--variant=minbase',
        '--skip=cleanup/apt',
        '--format=directory',
        '--aptopt=Acquire::Languages "none"',
        ...EXCLUDED.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
        SUITE,
        join(building, 'root'),
      ],
      {
        timeoutMs: BUILD_MS,
        ...(options.signal ? { signal: options.signal } : {}),
        onSpawn: (pid) => void register(undo.kill(pid)),
      },
    );
    if (result.code !== 0) throw failed('mmdebstrap', result);
  });
}

/** What these packages, and then the script, change on the minimal system and what is over it (top first): the upper folder of an overlay. */
export async function installed(
  name: string,
  packages: readonly string[],
  script: string,
  options: BuildOptions,
  over: readonly string[] = [],
): Promise<{ readonly below: string; readonly folder: string }> {
  const below = await minimalSystem(options);
  const { home: minimal, own } = await minimalHome(options);
  const hash = recipeHash(
    EXCLUDED,
    packages,
    script,
    ...(over.length === 0 ? [] : [over]),
    ...(own === undefined ? [] : [minimal]),
  );
  const home = join(options.cacheFolder, 'systems', `${name}-${hash}`);
  const folder = await made(home, options, async (building) => {
    if (packages.length > 0) options.onProgress?.(`Installing ${packages.join(' ')} for ${name} (this once)`);
    const archives = join(options.cacheFolder, 'archives');
    const missing =
      own === undefined ? packages : await copyOwn(own, packages, [...over, below], join(building, 'upper'), options);
    const result = await withLock(join(options.cacheFolder, 'apt.lock'), () =>
      runCommand(
        [
          'unshare',
          '--mount',
          '--propagation',
          'private',
          'sh',
          '-c',
          INSTALL,
          'sh',
          [...over, below].join(':'),
          building,
          archives,
          own === undefined ? script : `ldconfig\n${script}`,
          ...missing,
        ],
        { timeoutMs: BUILD_MS, ...(options.signal ? { signal: options.signal } : {}) },
      ),
    );
    if (result.code !== 0) throw failed(`installing ${missing.join(' ') || name}`, result, own === undefined ? [] : missing);
    renameSync(join(building, 'upper'), join(building, 'root'));
    rmSync(join(building, 'index'), { recursive: true, force: true });
  });
  return { below, folder };
}

/** What of these packages the machine has is put into the upper folder; the rest by name, for apt. */
async function copyOwn(
  own: OwnPackages,
  packages: readonly string[],
  lower: readonly string[],
  upper: string,
  { signal }: BuildOptions,
): Promise<readonly string[]> {
  const { packages: all, missing } = closure(own, packages);
  const list = lower.map((root) => join(root, 'var/lib/dpkg/status')).find((file) => existsSync(file));
  const status = list === undefined ? '' : readFileSync(list, 'utf8');
  const there = namesIn(status);
  await copyPackages(
    all.filter(({ name }) => !there.has(name)),
    upper,
    EXCLUDED,
    { below: status, signal },
  );
  return missing;
}

/** Makes `home/root` once; half-made ones are thrown away. */
export async function made(home: string, options: BuildOptions, build: (building: string) => Promise<void>): Promise<string> {
  const done = join(home, 'done');
  if (!existsSync(done)) {
    await withLock(
      `${home}.lock`,
      async () => {
        if (existsSync(done)) return;
        const building = `${home}.building`;
        rmSync(building, { recursive: true, force: true });
        rmSync(home, { recursive: true, force: true });
        const registration = register(undo.remove(building));
        try {
          mkdirSync(building, { recursive: true, mode: 0o755 });
          await build(building);
          writeFileSync(join(building, 'done'), '');
          renameSync(building, home);
        } finally {
          rmSync(building, { recursive: true, force: true });
          registration.release();
        }
      },
      options.signal,
    );
  }
  return join(home, 'root');
}

function failed(
  what: string,
  result: { code: number; stderr: string; timedOut: boolean; aborted: boolean },
  own: readonly string[] = [],
): UnrootError {
  if (result.aborted) return new UnrootError('interrupted', { code: 'engine.interrupted', exitCode: 130 });
  const words = result.stderr.trim().split('\n').slice(-6).join('\n');
  return new UnrootError(`${what} ${result.timedOut ? 'took too long' : `ended with ${result.code}`}:\n${words}`, {
    code: 'lab.build-failed',
    hint:
      own.length > 0
        ? `without a network, have them on this machine: apt-get install -y ${own.join(' ')}; they are copied from it`
        : 'is there a network, and a package mirror in /etc/apt/sources.list?',
  });
}
