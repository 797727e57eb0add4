/** A tar archive on disk as a set of named pieces. A compressed one is unpacked into a temporary file first, bounded. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnrootError, type Where } from '../../error.ts';
import { limitError } from '../limits.ts';
import { scanTar } from '../tar.ts';
import type { TarEntry } from '../tar-header.ts';
import { createOpenFiles, type FileRange, type OpenFiles, readInto, streamRange, windowReader } from './blob-file.ts';
import { limitsOf, type OpenImageOptions } from './options.ts';

export interface ArchiveFiles {
  file(name: string): FileRange | undefined;
  close(): void;
}

/** Members an image archive may have: a few per layer. */
const MAX_MEMBERS = 100_000;

/** Lists the members of the archive at `path`. */
export async function openArchive(path: string, options: OpenImageOptions, where: Where): Promise<ArchiveFiles> {
  const files = createOpenFiles();
  try {
    const members = new Map<string, TarEntry>();
    const archive = await plainArchive(files, path, options, where);
    if (archive.size === 0) throw notAnArchive(path, 'the file is empty', where);
    scanTar(
      windowReader(archive, where),
      archive.size,
      (entry) => {
        if (members.size >= MAX_MEMBERS) throw limitError('maxEntries', MAX_MEMBERS, `${path} has too many members`, where);
        members.set(clean(entry.name), entry);
        return undefined;
      },
      { where, what: path, window: 1024, ...(options.limits === undefined ? {} : { limits: options.limits }) },
    );
    return {
      file: (name) => {
        const entry = follow(members, name);
        return entry && { fd: archive.fd, offset: archive.offset + entry.offset, size: entry.size };
      },
      close: () => files.close(),
    };
  } catch (error) {
    files.close();
    throw error;
  }
}

/** `docker save` of old replaced repeated layers by links to the first. */
function follow(members: ReadonlyMap<string, TarEntry>, name: string): TarEntry | undefined {
  let at = clean(name);
  for (let hops = 0; hops < 10; hops++) {
    const entry = members.get(at);
    if (entry?.type === 'file') return entry;
    if (entry?.link === undefined) return undefined;
    at = entry.type === 'hardlink' ? clean(entry.link) : clean(`${at.slice(0, at.lastIndexOf('/') + 1)}${entry.link}`);
  }
  return undefined;
}

/** Names are keys here, never paths to write to, so `..` may cancel out freely. */
function clean(name: string): string {
  const out: string[] = [];
  for (const part of name.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return out.join('/');
}

async function plainArchive(files: OpenFiles, path: string, options: OpenImageOptions, where: Where): Promise<FileRange> {
  const range = files.open(path, where);
  const head = new Uint8Array(Math.min(range.size, 4));
  readInto(range, 0, head, where);
  // Only a compressed archive needs the decompressors.
  if (head[0] !== 0x1f && head[0] !== 0x28 && (head[0]! & 0xf0) !== 0x50) return range;
  const [{ decompress, detectCompression }, { writeStream }] = await Promise.all([
    import('./decompress.ts'),
    import('../sinks/write-stream.ts'),
  ]);
  const compression = detectCompression(head);
  if (compression === 'none') return range;
  const folder = mkdtempSync(join(options.tmpDir ?? tmpdir(), 'unroot-archive-'));
  files.onClose(() => rmSync(folder, { recursive: true, force: true }));
  const plain = join(folder, 'archive.tar');
  const stream = decompress(streamRange(range, where), compression, limitsOf(options), path, where);
  await writeStream(stream, plain, options.signal);
  return files.open(plain, where);
}

/** The error for a file that is no image archive. */
export function notAnArchive(path: string, reason: string, where: Where): UnrootError {
  return new UnrootError(`${path} is not an image archive: ${reason}`, {
    code: 'image.not-an-archive',
    where,
    expected: 'an OCI archive or the output of docker save, plain or compressed',
    hint: 'Is it the right file? docker save, podman save and skopeo copy write such archives.',
  });
}
