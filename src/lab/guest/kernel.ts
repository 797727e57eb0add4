/**
 * The kernel of a guest, from the Debian package in its own system, and the small first file system that brings it to its disk: busybox, the
 * modules of what QEMU shows it, and a script.
 */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UnrootError } from '../../error.ts';
import { type CpioEntry, cpio } from './cpio.ts';
import { GUEST_INIT } from './init.ts';

/** What QEMU shows it; what else is wanted loads itself from its disk. */
const MODULES = ['virtio_pci', 'virtio_blk', 'virtio_console'];

export interface GuestKernel {
  /** The file QEMU starts. */
  readonly image: string;
  /** The first file system, for a file. */
  initrd(): Uint8Array;
}

/** Found in the folders of a system, top first. */
export function guestKernel(lower: readonly string[]): GuestKernel {
  const at = (path: string): string | undefined => lower.map((folder) => join(folder, path)).find((file) => existsSync(file));
  const boot = lower.map((folder) => join(folder, 'boot')).find((folder) => existsSync(folder) && names(folder).length > 0);
  const [kernel] = boot === undefined ? [] : names(boot);
  const busybox = ['usr/bin/busybox', 'bin/busybox'].map(at).find((file) => file !== undefined);
  if (boot === undefined || kernel === undefined || busybox === undefined)
    throw new UnrootError('the system of the guest has no kernel', {
      code: 'lab.build-failed',
      expected: 'boot/vmlinuz-VERSION and busybox, by linux-image-cloud-amd64 and busybox-static',
    });
  const version = kernel.slice('vmlinuz-'.length);
  const modules = ['usr/lib/modules', 'lib/modules'].map((folder) => at(`${folder}/${version}`)).find((one) => one !== undefined);
  return {
    image: join(boot, kernel),
    initrd: () =>
      cpio([
        ...['bin', 'dev', 'proc', 'sys', 'root', 'modules'].map((name): CpioEntry => ({ name, mode: 0o40755 })),
        { name: 'dev/console', mode: 0o20600, device: [5, 1] },
        { name: 'bin/busybox', mode: 0o100755, data: readFileSync(busybox) },
        { name: 'init', mode: 0o100755, data: Buffer.from(GUEST_INIT) },
        ...(modules === undefined ? [] : inOrder(modules)).map(
          (file, index): CpioEntry => ({
            name: `modules/${String(index).padStart(2, '0')}-${basename(file)}`,
            mode: 0o100644,
            data: readFileSync(file),
          }),
        ),
      ]),
  };
}

const names = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith('vmlinuz-') && lstatSync(join(folder, name)).isFile())
    .sort()
    .reverse();

/** Files of the modules with what they need before them: modules.dep(5). What is built in is not in it. */
function inOrder(folder: string): readonly string[] {
  const needs = new Map(
    readFileSync(join(folder, 'modules.dep'), 'utf8')
      .split('\n')
      .map((line) => line.split(/:\s*/) as [string, string?])
      .map(([file, rest = '']) => [file, rest.split(' ').filter(Boolean)] as const),
  );
  const order: string[] = [];
  for (const name of MODULES) {
    const file = [...needs.keys()].find((one) => new RegExp(`/${name}\\.ko`).test(one));
    if (file === undefined) continue;
    for (const one of [...(needs.get(file) ?? [])].reverse().concat(file)) if (!order.includes(one)) order.push(one);
  }
  return order.map((file) => join(folder, file));
}
