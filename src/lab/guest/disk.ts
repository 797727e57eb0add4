/**
 * The disks of a guest, as files: one with its system, made once of the folders that a node stands on, with SELinux labels where there is a
 * policy; and one for each start with the program and what the lab brings.
 */
import { chmodSync, existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../../engine/command.ts';
import { UnrootError } from '../../error.ts';
import { type BuildOptions, made, recipeHash } from '../debian.ts';
import { GUEST, GUEST_INIT } from './init.ts';
import { guestKernel } from './kernel.ts';

/** What QEMU is started with. */
export interface GuestFiles {
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
}

const BUILD_MS = 300_000;

/** `$1` folders, `$2` working folder, `$3` tools, `$4` node. The file's size is what is in it and some more, for it is only read. */
const SYSTEM = `
set -eu
mkdir -p "$2/upper" "$2/index" "$2/merged"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/index" overlay "$2/merged"
cd "$2/merged"
mkdir -p .${GUEST.payload} .${GUEST.tools} usr/local/bin proc sys dev run tmp var/lib/nfs
cp -R --preserve=mode,links "$3/." .${GUEST.tools}/
cp "$4" .${GUEST.node}
chmod 755 .${GUEST.node}
rm -rf var/cache/apt/* var/lib/apt/lists boot/* usr/share/python3* etc/fstab
if [ -e etc/selinux/default/contexts/files/file_contexts ]; then
  mount -t proc proc proc
  chroot . /usr/sbin/setfiles -q -F /etc/selinux/default/contexts/files/file_contexts /
  umount proc
fi
size=$(du -sm . | cut -f1)
mke2fs -q -t ext4 -O '^has_journal' -m 0 -d . "$2/disk.img" "$((size + size / 5 + 64))M"
cd /
umount "$2/merged"
rm -rf "$2/upper" "$2/index" "$2/merged"
`;

/** `$1` the file, `$2` an empty folder, then pairs: name there, folder or file of the machine. */
const PAYLOAD = `
set -eu
file=$1 folder=$2; shift 2
mount -t tmpfs -o mode=0755 payload "$folder"
while [ $# -gt 0 ]; do
  mkdir -p "$folder/$1"
  mount --bind "$2" "$folder/$1"
  shift 2
done
size=$(du -sm "$folder" | cut -f1)
mke2fs -q -t ext4 -O '^has_journal' -m 0 -d "$folder" "$file" "$((size + size / 5 + 16))M"
`;

/** Made once; `tools` is the folder of tools.ts. */
export async function guestFiles(lower: readonly string[], tools: string, options: BuildOptions): Promise<GuestFiles> {
  const node = realpathSync(process.execPath);
  const home = join(options.cacheFolder, 'guests', recipeHash(lower, tools, SYSTEM, GUEST_INIT));
  const kernel = guestKernel(lower);
  const folder = await made(home, options, async (building) => {
    options.onProgress?.('Making the disk of a guest with a kernel of its own (about 30 s, this once)');
    const root = join(building, 'root');
    mkdirSync(root, { mode: 0o755 });
    await inOwnMounts('the disk of the guest', SYSTEM, [lower.join(':'), root, tools, node], options.signal);
    writeFileSync(join(root, 'initrd'), kernel.initrd());
    // Read by QEMU, which runs as nobody.
    for (const name of ['disk.img', 'initrd']) chmodSync(join(root, name), 0o644);
  });
  return { kernel: kernel.image, initrd: join(folder, 'initrd'), disk: join(folder, 'disk.img') };
}

/** Name there → folder of the machine. */
export async function payloadDisk(
  file: string,
  contents: ReadonlyMap<string, string>,
  place: string,
  signal?: AbortSignal,
): Promise<void> {
  mkdirSync(place, { mode: 0o755 });
  const pairs = [...contents].filter(([, source]) => existsSync(source)).flat();
  await inOwnMounts('the disk of the lab', PAYLOAD, [file, place, ...pairs], signal);
  rmSync(place, { recursive: true, force: true });
  chmodSync(file, 0o644);
}

/** The namespace takes the mounts along, whatever happens. */
async function inOwnMounts(what: string, script: string, args: readonly string[], signal?: AbortSignal): Promise<void> {
  const result = await runCommand(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...args], {
    timeoutMs: BUILD_MS,
    ...(signal ? { signal } : {}),
  });
  if (result.aborted) throw new UnrootError('interrupted', { code: 'engine.interrupted', exitCode: 130 });
  if (result.code !== 0)
    throw new UnrootError(`${what} could not be made: ${result.stderr.trim().split('\n').slice(-4).join('\n')}`, {
      code: 'lab.build-failed',
      hint: 'is there room on the disk, and is e2fsprogs installed?',
    });
}
