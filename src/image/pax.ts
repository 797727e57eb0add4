/** PAX extended headers: records `LENGTH KEY=VALUE\n` (POSIX.1-2017, pax, "pax Extended Header"). */
import { UnrootError, type Where } from '../error.ts';
import { decodeName } from './name-text.ts';

/** The records that matter to an image; what is not set comes from the ustar header. */
export interface PaxRecords {
  path?: string;
  linkpath?: string;
  size?: number;
  uid?: number;
  gid?: number;
  mtime?: number;
  devmajor?: number;
  devminor?: number;
  /** Raw values by attribute name. */
  xattrs?: Record<string, Uint8Array>;
  /** One of the GNU sparse formats is used. */
  sparse?: boolean;
}

const SCHILY = 'SCHILY.xattr.';
const LIBARCHIVE = 'LIBARCHIVE.xattr.';
/** The kernel takes names of 255 bytes and values of 64 KiB (xattr(7)); more than this many per file is an attack. */
const MAX_XATTRS = 1000;

/** Parses one extended header. */
export function parsePax(bytes: Uint8Array, what: string, where: Where): PaxRecords {
  const bad = (reason: string): UnrootError =>
    new UnrootError(`${what}: a PAX header is damaged: ${reason}`, {
      code: 'image.bad-archive',
      where,
      expected: 'records of the form "LENGTH KEY=VALUE\\n"',
    });
  const records: PaxRecords = {};
  let attributes = 0;
  for (let at = 0; at < bytes.length; ) {
    let length = 0;
    let cursor = at;
    for (; cursor < bytes.length && bytes[cursor] !== 0x20; cursor++) {
      const digit = bytes[cursor]! - 0x30;
      if (digit < 0 || digit > 9 || cursor - at > 9) throw bad('a record does not start with its length');
      length = length * 10 + digit;
    }
    const end = at + length;
    if (length < 5 || cursor === at || end > bytes.length || end <= cursor + 1) throw bad('the length of a record is wrong');
    if (bytes[end - 1] !== 0x0a) throw bad('a record does not end with a line feed');
    const equals = bytes.indexOf(0x3d, cursor + 1);
    if (equals < 0 || equals >= end) throw bad('a record has no "="');
    const key = decodeName(bytes, cursor + 1, equals);
    const value = bytes.subarray(equals + 1, end - 1);
    at = end;
    // An empty value takes a record back.
    switch (key) {
      case 'path':
      case 'linkpath':
        if (value.length === 0) delete records[key];
        else records[key] = decodeName(value);
        break;
      case 'size':
      case 'uid':
      case 'gid':
      case 'mtime':
        if (value.length === 0) delete records[key];
        else records[key] = decimal(value, key, bad);
        break;
      case 'SCHILY.devmajor':
        records.devmajor = decimal(value, key, bad);
        break;
      case 'SCHILY.devminor':
        records.devminor = decimal(value, key, bad);
        break;
      default:
        if (key.startsWith('GNU.sparse.')) records.sparse = true;
        else if (key.startsWith(SCHILY) || key.startsWith(LIBARCHIVE)) {
          if (++attributes > MAX_XATTRS) throw bad(`more than ${MAX_XATTRS} extended attributes`);
          records.xattrs ??= Object.create(null) as Record<string, Uint8Array>;
          if (key.startsWith(SCHILY)) records.xattrs[key.slice(SCHILY.length)] = value.slice();
          // SCHILY holds the exact bytes; libarchive's own record is base64, with the name URL-encoded.
          else records.xattrs[percentDecode(key.slice(LIBARCHIVE.length))] ??= base64(value, bad);
        }
    }
  }
  return records;
}

function decimal(value: Uint8Array, key: string, bad: (reason: string) => UnrootError): number {
  const text = value.length > 40 ? '' : decodeName(value);
  if (!(key === 'mtime' ? /^-?\d+(\.\d*)?$/ : /^\d+$/).test(text)) throw bad(`${key} is not a number`);
  const number = Math.floor(Number(text));
  if (!Number.isSafeInteger(number)) throw bad(`${key} is out of range`);
  return number;
}

function percentDecode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function base64(value: Uint8Array, bad: (reason: string) => UnrootError): Uint8Array {
  const text = decodeName(value).replace(/=+$/, '');
  if (!/^[A-Za-z0-9+/]*$/.test(text) || text.length % 4 === 1) throw bad('an extended attribute is not base64');
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
