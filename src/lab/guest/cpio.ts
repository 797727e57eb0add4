/** An archive as the kernel unpacks it for its first file system: "newc" (Documentation/driver-api/early-userspace/buffer-format.rst). */

export interface CpioEntry {
  readonly name: string;
  /** With the type, as in stat(2). */
  readonly mode: number;
  readonly data?: Uint8Array;
  readonly device?: readonly [major: number, minor: number];
}

/** All of root's. */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts = [...entries, { name: 'TRAILER!!!', mode: 0 }].flatMap(({ name, mode, data, device }: CpioEntry, index) => {
    const [major, minor] = device ?? [0, 0];
    const bytes = Buffer.from(`${name}\0`);
    // Magic, inode, mode, uid, gid, links, time, size, device of the file, device it is, length of the name, checksum.
    const numbers = [index + 1, mode, 0, 0, 1, 0, data?.length ?? 0, 0, 0, major, minor, bytes.length, 0];
    const head = Buffer.concat([
      Buffer.from(`070701${numbers.map((one) => one.toString(16).toUpperCase().padStart(8, '0')).join('')}`),
      bytes,
    ]);
    return [padded(head), padded(data ?? new Uint8Array())];
  });
  return Buffer.concat(parts);
}

const padded = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes, new Uint8Array((4 - (bytes.length % 4)) % 4)]);
