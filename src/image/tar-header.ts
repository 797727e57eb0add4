/**
 * Decodes tar headers: ustar, PAX, GNU long names, base-256 numbers (POSIX.1-2017 pax "ustar Interchange Format" and "pax Header Block";
 * tar(5) of libarchive; GNU tar manual "Basic Tar Format").
 * Where tools differ this follows Go's archive/tar, because that is what container runtimes extract with.
 */
import { UnrootError, type Where } from '../error.ts';
import type { FileType } from '../linux/inode.ts';
import { checkAttributes } from './attribute-check.ts';
import { DEFAULT_LIMITS, type ImageLimits, limitError } from './limits.ts';
import { decodeName } from './name-text.ts';
import { parsePax } from './pax.ts';
import { checksum, parseNumber, signedChecksum } from './tar-fields.ts';

/** One member of an archive. */
export interface TarEntry {
  /** As written: may start with `./` or `/`, end with `/`, or contain `..`. */
  readonly name: string;
  readonly type: FileType | 'hardlink';
  /** The 12 permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content that follow the header; 0 unless a file. */
  readonly size: number;
  readonly mtime: number;
  /** Target of a symlink or hard link, as written. */
  readonly link: string | undefined;
  readonly device: { readonly major: number; readonly minor: number } | undefined;
  readonly xattrs: Readonly<Record<string, Uint8Array>> | undefined;
  /** Where the content starts, counted from the start of the archive. */
  readonly offset: number;
}

export interface TarOptions {
  readonly limits?: Partial<Pick<ImageLimits, 'maxEntries' | 'maxHeaderBytes'>>;
  /** What is being read, for messages. */
  readonly where?: Where;
  /** How messages call the archive. */
  readonly what?: string;
  /**
   * Says from the raw header at `at` of `bytes` that a plain file, directory or symlink is of no interest: it is passed over without
   * being decoded, which is most of the work.
   */
  readonly skip?: (bytes: Uint8Array, at: number) => boolean;
}

/** Everything in a tar archive is a multiple of this. */
export const BLOCK = 512;
const ZERO = 0;
/** Longest path the kernel takes (PATH_MAX), trailing NUL excluded; longer names cannot be extracted by anyone. */
const MAX_PATH = 4095;

const TYPES: Readonly<Record<string, FileType | 'hardlink'>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};

/** A header that only carries fields of the next one. */
export interface MetaHeader {
  readonly meta: 'x' | 'g' | 'L' | 'K';
  readonly size: number;
}

/** What the headers seen so far say about the next entry. */
export interface TarDecoder {
  /**
   * Reads the block at `at` of `buffer`, which is at `position` of the archive. A number = an entry to skip, with so many bytes of content;
   * undefined = end-of-archive block.
   */
  block(buffer: Uint8Array, at: number, position: number): TarEntry | MetaHeader | number | undefined;
  /** Takes the body of a {@link MetaHeader} header. */
  body(meta: MetaHeader, bytes: Uint8Array): void;
  truncated(position: number): UnrootError;
  /** An extended header has been read whose entry has not come yet. */
  pending(): boolean;
}

/** A decoder of headers in the order in which they stand in the archive. */
export function createTarDecoder(options: TarOptions): TarDecoder {
  const maxEntries = options.limits?.maxEntries ?? DEFAULT_LIMITS.maxEntries;
  const maxHeaderBytes = options.limits?.maxHeaderBytes ?? DEFAULT_LIMITS.maxHeaderBytes;
  const what = options.what ?? 'the archive';
  const skip = options.skip;
  let longName: string | undefined;
  let longLink: string | undefined;
  let pax: ReturnType<typeof parsePax> | undefined;
  let entries = 0;

  const where = (entry?: string): Where => (entry === undefined ? (options.where ?? {}) : { ...options.where, entry });
  const bad = (message: string, position: number, entry?: string): UnrootError =>
    new UnrootError(
      position === 0 ? `${what} is not a tar archive: ${message}` : `${what}: ${message} (header at byte ${position})`,
      {
        code: position === 0 ? 'image.not-an-archive' : 'image.bad-archive',
        where: where(entry),
        expected: 'a tar archive (ustar, PAX or GNU)',
        hint:
          position === 0
            ? 'Is it the right file? docker save, podman save and skopeo copy write such archives.'
            : 'Fetch or build it again.',
      },
    );

  function block(b: Uint8Array, at: number, position: number): TarEntry | MetaHeader | number | undefined {
    const type0 = b[at + 156]!;
    const posix =
      b[at + 257] === 0x75 && b[at + 258] === 0x73 && b[at + 259] === 0x74 && b[at + 260] === 0x61 && b[at + 261] === 0x72;
    // 0 or '0' = file, '5' = directory, '2' = symlink; the name must be complete in its own field. That it is a header at all is told by
    // the magic here, and by the checksum below for every header that is decoded.
    if (
      skip !== undefined &&
      posix &&
      (type0 === 0x30 || type0 === 0x35 || type0 === 0x32 || type0 === ZERO) &&
      b[at + 345] === ZERO &&
      pax === undefined &&
      longName === undefined &&
      longLink === undefined &&
      skip(b, at)
    ) {
      const size = type0 === 0x35 || type0 === 0x32 ? 0 : parseNumber(b, at + 124, 12);
      if (size === undefined || size < 0) throw bad('the field size is not a number', position);
      if (++entries > maxEntries) throw limitError('maxEntries', maxEntries, `${what}: too many entries`, where());
      return size;
    }
    const stored = parseNumber(b, at + 148, 8) ?? -1;
    const sum = checksum(b, at);
    if (sum === 256 && isZero(b, at)) {
      if (longName !== undefined || longLink !== undefined || pax !== undefined)
        throw bad('ends after an extended header', position);
      return undefined;
    }
    if (sum !== stored && signedChecksum(b, at) !== stored) {
      throw bad('the checksum of a header is wrong', position);
    }
    const flag = String.fromCharCode(type0);
    const number = (start: number, length: number, field: string): number => {
      const value = parseNumber(b, at + start, length);
      if (value === undefined) throw bad(`the field ${field} is not a number`, position);
      return value;
    };
    if (flag === 'x' || flag === 'g' || flag === 'L' || flag === 'K') {
      const size = number(124, 12, 'size');
      if (size < 0) throw bad('an extended header has a negative size', position);
      if (size > maxHeaderBytes)
        throw limitError('maxHeaderBytes', maxHeaderBytes, `${what}: an extended header of ${size} bytes`, where());
      // Bounded like entries: headers alone must not keep us busy for ever.
      if (++entries > 4 * maxEntries) throw limitError('maxEntries', maxEntries, `${what}: too many extended headers`, where());
      return { meta: flag, size };
    }
    if (++entries > maxEntries) throw limitError('maxEntries', maxEntries, `${what}: too many entries`, where());

    let name = pax?.path ?? longName;
    if (name === undefined) {
      name = text(b, at, 100);
      if (posix && b[at + 262] === ZERO && b[at + 345] !== ZERO) {
        // star keeps times in the last 24 bytes of the prefix and signs with "tar" at the very end.
        const star = b[at + 508] === 0x74 && b[at + 509] === 0x61 && b[at + 510] === 0x72;
        const prefix = text(b, at + 345, star ? 131 : 155);
        if (prefix !== '') name = `${prefix}/${name}`;
      }
    }
    let type = TYPES[flag];
    if (flag === 'S' || pax?.sparse === true) {
      throw new UnrootError(`${what}: ${shown(name)} is stored as a sparse file, which is not supported`, {
        code: 'image.unsupported-entry',
        where: where(name),
        expected: 'an ordinary file',
        hint: 'Container tools never write sparse entries; pack the layer again without --sparse.',
      });
    }
    if (type === undefined) {
      throw new UnrootError(`${what}: ${shown(name)} has the unknown entry type ${JSON.stringify(flag)}`, {
        code: 'image.unsupported-entry',
        where: where(name),
        expected: 'file, directory, symlink, hard link, device or fifo',
      });
    }
    if (flag === '\0' && name.endsWith('/')) type = 'directory';
    if (name.length > MAX_PATH) throw bad(`a name of ${name.length} characters is longer than any file system takes`, position);
    if (name.includes('\0')) throw bad('a name contains a NUL byte', position);

    const size = type === 'file' ? (pax?.size ?? number(124, 12, 'size')) : 0;
    const uid = pax?.uid ?? number(108, 8, 'uid');
    const gid = pax?.gid ?? number(116, 8, 'gid');
    if (size < 0) throw bad(`${shown(name)} has a negative size`, position, name);
    if (uid < 0 || gid < 0 || uid > 0xffffffff || gid > 0xffffffff)
      throw bad(`${shown(name)} has an owner out of range: ${uid}:${gid}`, position, name);
    const linked = type === 'symlink' || type === 'hardlink';
    const link = linked ? (pax?.linkpath ?? longLink ?? text(b, at + 157, 100)) : undefined;
    if (link !== undefined && (link.length > MAX_PATH || link.includes('\0')))
      throw bad(`${shown(name)} has an impossible link target`, position, name);
    if (pax?.xattrs !== undefined) checkAttributes(pax.xattrs, shown(name), what, where(name));
    const isDevice = type === 'character-device' || type === 'block-device';
    const entry: TarEntry = {
      name,
      type,
      mode: number(100, 8, 'mode') & 0o7777,
      uid,
      gid,
      size,
      mtime: pax?.mtime ?? number(136, 12, 'mtime'),
      link,
      device: isDevice
        ? {
            major: pax?.devmajor ?? (posix ? number(329, 8, 'devmajor') : 0),
            minor: pax?.devminor ?? (posix ? number(337, 8, 'devminor') : 0),
          }
        : undefined,
      xattrs: pax?.xattrs,
      offset: position + BLOCK,
    };
    longName = undefined;
    longLink = undefined;
    pax = undefined;
    return entry;
  }

  function body(meta: MetaHeader, bytes: Uint8Array): void {
    if (meta.meta === 'L') longName = text(bytes, 0, bytes.length);
    else if (meta.meta === 'K') longLink = text(bytes, 0, bytes.length);
    // Global headers are ignored by container runtimes (`git archive` writes one with a comment).
    else if (meta.meta === 'x') pax = parsePax(bytes, what, where());
  }

  const truncated = (position: number): UnrootError =>
    new UnrootError(`${what} is truncated: it ends at byte ${position}, in the middle of an entry`, {
      code: 'image.truncated',
      where: where(),
      expected: 'a complete tar archive',
      hint: 'The copy or download was cut short; fetch it again.',
    });
  const pending = (): boolean => longName !== undefined || longLink !== undefined || pax !== undefined;
  return { block, body, truncated, pending };
}

function isZero(b: Uint8Array, at: number): boolean {
  for (let i = at; i < at + BLOCK; i++) if (b[i] !== 0) return false;
  return true;
}

function text(b: Uint8Array, start: number, length: number): string {
  let end = start;
  while (end < start + length && b[end] !== ZERO) end++;
  return decodeName(b, start, end);
}

/** A name fit for a message: quoted, cut. */
export function shown(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}
