/** Texts to read manifests from: files, folders of them, standard input. What cannot be read is told for each; the others are read. */
import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError } from '../error.ts';
import { type SourceFile, sourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import { rememberedText } from './read-before.ts';

/** No manifest is larger; the API server takes 3 MiB. */
const LARGEST = 64 * 1024 * 1024;
const MOST_FILES = 50_000;
const DEEPEST = 64;

export interface ManifestFiles {
  readonly files: readonly SourceFile[];
  readonly problems: readonly TextProblem[];
}

/** Reads the targets in their order, `-` for standard input. A folder gives its .yaml, .yml and .json files and those below, by name. */
export function readManifestFiles(targets: readonly string[]): ManifestFiles {
  const problems: TextProblem[] = [];
  const tell = (path: string, error: unknown): void => {
    problems.push(problem(path, error));
  };
  const paths = [...new Set(targets)].flatMap((target) => {
    try {
      if (rememberedText(target) !== undefined) return [target];
      return target !== '-' && statSync(target).isDirectory() ? walk(target, 0, tell) : [target];
    } catch (error) {
      tell(target, error);
      return [];
    }
  });
  if (paths.length > MOST_FILES)
    throw new UnrootError(`There are ${paths.length} manifests in ${targets.join(', ')}`, {
      code: 'input.too-many-files',
      expected: `${MOST_FILES} at most`,
      hint: 'Name the folders one by one',
    });
  const files = paths.flatMap((path) => {
    try {
      return [rememberedText(path) ?? sourceFile(path, decoded(readBounded(path)))];
    } catch (error) {
      tell(path, error);
      return [];
    }
  });
  return { files, problems };
}

/** Links to files are followed, links to folders are not: they may lead round in circles. A folder that cannot be read is told, the others are. */
function walk(folder: string, depth: number, tell: (path: string, error: unknown) => void): readonly string[] {
  if (depth > DEEPEST) {
    tell(folder, new Error(`folders are nested more than ${DEEPEST} deep`));
    return [];
  }
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    return entries.flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === '.git' || entry.name === 'node_modules' ? [] : walk(path, depth + 1, tell);
      return (/\.(?:ya?ml|json)$/i.test(entry.name) || entry.name === 'Kustomization') && (entry.isFile() || isFileLink(path))
        ? [path]
        : [];
    });
  } catch (error) {
    tell(folder, error);
    return [];
  }
}

/** A link that goes round in circles counts: reading it tells what is wrong with it. */
function isFileLink(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return true;
  }
}

/** One for all files: a new one each would cost more than reading. */
const CHUNK: Buffer = Buffer.allocUnsafe(65_536);

function readBounded(path: string): Buffer {
  // Of a pipe nobody knows how long it takes.
  return path === '-' || statSync(path).isFIFO() ? interruptible(() => readWhole(path)) : readWhole(path);
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * While a program waits in a read it hears no signal that it handles by itself: for that time they end it as they end anything else. Nothing is
 * there yet that would have to be put away.
 */
function interruptible<T>(wait: () => T): T {
  const handlers = ENDING.map((signal) => [signal, process.rawListeners(signal)] as const);
  for (const [signal] of handlers) process.removeAllListeners(signal);
  try {
    return wait();
  } finally {
    for (const [signal, list] of handlers) for (const one of list) process.on(signal, one as () => void);
  }
}

function readWhole(path: string): Buffer {
  const descriptor = path === '-' ? 0 : openSync(path, 'r');
  try {
    const stat = fstatSync(descriptor);
    if (path !== '-' && !stat.isFile() && !stat.isFIFO()) throw new Error('it is neither a file nor a folder');
    if (stat.size > LARGEST) throw new Error(tooLarge);
    const chunks: Buffer[] = [];
    let size = 0;
    for (;;) {
      const read = readSome(descriptor, CHUNK);
      if (read === 0) break;
      size += read;
      if (size > LARGEST) throw new Error(tooLarge);
      chunks.push(Buffer.from(CHUNK.subarray(0, read)));
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  } finally {
    if (path !== '-') closeSync(descriptor);
  }
}

const tooLarge = `it is larger than ${LARGEST / 1024 / 1024} MiB, which no manifest is`;

/** A pipe that is not ready yet says EAGAIN, and EOF on some terminals is an error. */
function readSome(descriptor: number, into: Uint8Array): number {
  for (;;) {
    try {
      return readSync(descriptor, into);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/** UTF-8, or UTF-16 that says so with a byte order mark (YAML 1.1 5.2). */
function decoded(bytes: Buffer): string {
  // Many times as fast as a decoder that is made for each file.
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const [first, second] = bytes;
  const name = first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(name, { fatal: true, ignoreBOM: true }).decode(bytes);
}

function problem(path: string, error: unknown): TextProblem {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const why = WHY[code] ?? (error instanceof Error ? error.message : String(error));
  return { severity: 'error', message: `Cannot read ${path === '-' ? 'standard input' : path}: ${why}`, where: { file: path } };
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  ELOOP: 'its links go round in circles',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not text: its bytes are no UTF-8',
};
