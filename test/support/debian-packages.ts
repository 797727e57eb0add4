/**
 * Debian packages as image layers: one minimal system that all images share, made once, and for each image what installing its packages changed
 * in an overlay on it. Package files are kept between images.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SUITE = 'bookworm';
export const EPOCH = '1700000000';
const EXCLUDED = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];
/** Lists of packages go stale. */
const FRESH_MS = 24 * 3600 * 1000;

/** One `apt-get` at a time, and nothing of the machine's own mounts is left behind, because the namespace goes with it. */
const INSTALL = String.raw`
set -eu
base=$1 work=$2 archives=$3 script=$4; shift 4
mkdir -p "$work/upper" "$work/index" "$work/root" "$archives/partial"
mount -t overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/index,redirect_dir=off,metacopy=off,index=off" overlay "$work/root"
cd "$work/root"
mount --rbind /dev dev && mount -t proc proc proc
mount --bind "$archives" var/cache/apt/archives
made=0
[ -e etc/resolv.conf ] || { : >etc/resolv.conf; made=1; }
mount --bind "$(readlink -f /etc/resolv.conf)" etc/resolv.conf
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d; chmod 755 usr/sbin/policy-rc.d
# Some packages put names for their manual pages into folders that must be there.
mkdir -p usr/share/man/man1
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
[ $# -eq 0 ] || chroot . apt-get install -q -y --no-install-recommends "$@" >&2
umount etc/resolv.conf var/cache/apt/archives
[ -z "$script" ] || sh -c "$script" sh "$PWD" >&2
rm -f usr/sbin/policy-rc.d
rm -rf usr/share/man/man1
[ "$made" = 0 ] || rm -f etc/resolv.conf
umount proc && umount -l dev
cd / && umount "$work/root"
cd "$work/upper"
rm -rf var/cache/apt/pkgcache.bin var/cache/apt/srcpkgcache.bin var/cache/apt/archives var/log/apt var/log/dpkg.log var/log/alternatives.log
# What is gone is a device 0:0 in an overlay and a name in a layer (image-spec, layer.md, "Whiteouts").
find . -type c | while read -r gone; do
  [ "$(stat -c %t:%T "$gone")" != 0:0 ] || { rm "$gone"; : >"$(dirname "$gone")/.wh.$(basename "$gone")"; }
done
find . -type d | while read -r folder; do
  [ ! -e "$base/$folder" ] || [ "$(getfattr --absolute-names --only-values -n trusted.overlay.opaque "$folder" 2>/dev/null)" != y ] || : >"$folder/.wh..wh..opq"
done
tar --numeric-owner --xattrs --xattrs-include=security.capability --sort=name --mtime=@${EPOCH} --clamp-mtime -cf "$work/packages.tar" .
rm -rf "$work/upper" "$work/index" "$work/root"
`;

const PACK = String.raw`
set -eu
cd "$1"
tar --numeric-owner --xattrs --xattrs-include=security.capability --sort=name --mtime=@${EPOCH} --clamp-mtime \
  --exclude='./var/lib/apt/lists/*' --exclude='./var/cache/apt/*.bin' --exclude='./var/cache/apt/archives/*' --exclude='./dev/*' -cf "$2" .
`;

export interface DebianBase {
  /** The folder that holds both; what is made of them can be kept there. */
  readonly made: string;
  readonly folder: string;
  readonly tar: string;
}

/** The minimal system as a folder to install on, and as a tar. Both in `cache`; ask under a lock. */
export async function debianBase(cache: string): Promise<DebianBase> {
  const made = join(cache, `base-${SUITE}`);
  const base = { made, folder: join(made, 'root'), tar: join(made, 'base.tar') };
  if (existsSync(made) && Date.now() - statSync(made).birthtimeMs < FRESH_MS) return base;
  const building = `${made}.building`;
  rmSync(building, { recursive: true, force: true });
  mkdirSync(building, { recursive: true });
  await run('mmdebstrap', [
    '--quiet',
    '--variant=minbase',
    '--skip=cleanup/apt',
    '--format=directory',
    '--aptopt=Acquire::Languages "none"',
    ...EXCLUDED.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    SUITE,
    join(building, 'root'),
  ]);
  await run('sh', ['-c', PACK, 'sh', join(building, 'root'), join(building, 'base.tar')]);
  rmSync(made, { recursive: true, force: true });
  renameSync(building, made);
  return base;
}

/** What installing these packages, and then `script`, changed: `packages.tar` in `work`. */
export async function installPackages(
  base: string,
  work: string,
  cache: string,
  packages: readonly string[],
  script: string = '',
): Promise<string> {
  await run('unshare', ['--mount', 'sh', '-c', INSTALL, 'sh', base, work, join(cache, 'archives'), script, ...packages]);
  return join(work, 'packages.tar');
}

function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, SOURCE_DATE_EPOCH: EPOCH },
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${program} ended with ${code}:\n${said}`))));
  });
}
