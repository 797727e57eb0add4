/** Writes tar archives, byte for byte the same for the same input: ustar headers, a PAX header only where ustar cannot say it. */
import type { FileType } from '../linux/inode.ts';
import { encodeName } from './name-text.ts';
import { BLOCK } from './tar-header.ts';

/** A member to write. `name` as it shall stand in the archive; directories get their trailing slash here. */
export interface TarWriteEntry {
  readonly name: string;
  readonly type: Exclude<FileType, 'socket'> | 'hardlink';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime?: number;
  /** Target of a symlink or hard link. */
  readonly link?: string;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  readonly content?: Uint8Array;
  /** Instead of `content`: the caller writes this many bytes and the padding after the header. */
  readonly size?: number;
}

const FLAGS: Readonly<Record<TarWriteEntry['type'], string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};

const encoder = new TextEncoder();

/** The header blocks of one entry, PAX header included. */
export function tarHeader(entry: TarWriteEntry): Uint8Array {
  const written = entry.type === 'directory' && !entry.name.endsWith('/') ? `${entry.name}/` : entry.name;
  const name = encodeName(written);
  const link = encodeName(entry.link ?? '');
  const size = entry.content?.length ?? entry.size ?? 0;
  const mtime = entry.mtime ?? 0;
  const records: Uint8Array[] = [];
  const short = splitName(name);
  if (short === undefined || !isAscii(name)) records.push(record('path', name));
  if (link.length > 100 || !isAscii(link)) records.push(record('linkpath', link));
  if (size >= 8 ** 11) records.push(record('size', encoder.encode(String(size))));
  if (entry.uid >= 8 ** 7) records.push(record('uid', encoder.encode(String(entry.uid))));
  if (entry.gid >= 8 ** 7) records.push(record('gid', encoder.encode(String(entry.gid))));
  if (mtime < 0 || mtime >= 8 ** 11) records.push(record('mtime', encoder.encode(String(mtime))));
  for (const key of Object.keys(entry.xattrs ?? {}).sort()) records.push(record(`SCHILY.xattr.${key}`, entry.xattrs![key]!));

  const [prefix, base] = short ?? [new Uint8Array(0), name.subarray(0, 100)];
  const header = ustar(entry, base, prefix, link.subarray(0, 100), size, mtime);
  if (records.length === 0) return header;
  const body = concat(records);
  const last = name.subarray(name.lastIndexOf(0x2f, name.length - 2) + 1);
  const paxName = concat([encoder.encode('PaxHeaders/'), last.subarray(0, 80)]);
  const meta = ustar(
    { type: 'file', mode: 0o644, uid: 0, gid: 0 },
    paxName,
    new Uint8Array(0),
    new Uint8Array(0),
    body.length,
    0,
    'x',
  );
  return concat([meta, body, new Uint8Array(paddingFor(body.length)), header]);
}

/** Zero bytes needed after content of this size. */
export function paddingFor(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** What ends an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK);

/** A whole archive in the order given, piece by piece. */
export function* writeTar(entries: Iterable<TarWriteEntry>): Generator<Uint8Array> {
  for (const entry of entries) {
    yield tarHeader(entry);
    if (entry.content !== undefined && entry.content.length > 0) {
      yield entry.content;
      const padding = paddingFor(entry.content.length);
      if (padding > 0) yield new Uint8Array(padding);
    }
  }
  yield TAR_END;
}

/** Joins byte arrays. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function ustar(
  entry: Pick<TarWriteEntry, 'type' | 'mode' | 'uid' | 'gid' | 'device'>,
  name: Uint8Array,
  prefix: Uint8Array,
  link: Uint8Array,
  size: number,
  mtime: number,
  flag: string = FLAGS[entry.type],
): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const octal = (at: number, length: number, value: number): void => {
    const fits = value >= 0 && value < 8 ** (length - 1);
    block.set(encoder.encode((fits ? value : 0).toString(8).padStart(length - 1, '0')), at);
  };
  block.set(name, 0);
  octal(100, 8, entry.mode & 0o7777);
  octal(108, 8, entry.uid);
  octal(116, 8, entry.gid);
  octal(124, 12, size);
  octal(136, 12, mtime);
  block.fill(0x20, 148, 156);
  block[156] = flag.charCodeAt(0);
  block.set(link, 157);
  block.set(encoder.encode('ustar\0' + '00'), 257);
  octal(329, 8, entry.device?.major ?? 0);
  octal(337, 8, entry.device?.minor ?? 0);
  block.set(prefix, 345);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.set(encoder.encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  return block;
}

/** Prefix and name as ustar wants them: cut at a slash, 155 and 100 bytes at most. */
function splitName(name: Uint8Array): [Uint8Array, Uint8Array] | undefined {
  if (name.length <= 100) return [new Uint8Array(0), name];
  for (let at = Math.min(155, name.length - 2); at > 0 && name.length - at - 1 <= 100; at--) {
    if (name[at] === 0x2f) return [name.subarray(0, at), name.subarray(at + 1)];
  }
  return undefined;
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
function record(key: string, value: Uint8Array): Uint8Array {
  const body = concat([encoder.encode(` ${key}=`), value, encoder.encode('\n')]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return concat([encoder.encode(String(length)), body]);
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}
