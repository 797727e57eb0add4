/** The files of a kustomization, read from disk; texts that are to be written count instead of those that are there. */
import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type SourceFile, sourceFile } from '../text/source-file.ts';
import type { KustomizeFiles } from '../workload/formats/kubernetes/kustomize/build.ts';
import { KUSTOMIZATION_NAMES } from '../workload/formats/kubernetes/kustomize/read-kustomization.ts';

/** No file of a kustomization is larger; etcd takes 1.5 MiB. */
const LARGEST = 16 * 1024 * 1024;

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  ELOOP: 'its links go round in circles',
  EISDIR: 'it is a folder',
};

/** `changed`: texts by path, as they are shown. */
export function kustomizeFiles(changed: ReadonlyMap<string, string> = new Map()): KustomizeFiles {
  const known = new Map<string, { readonly source: SourceFile; readonly base64?: string }>();
  const read = (path: string): { readonly source: SourceFile; readonly base64?: string } => {
    const there = known.get(path);
    if (there !== undefined) return there;
    const put = changed.get(path);
    const made = put === undefined ? fromDisk(path) : { source: sourceFile(path, put) };
    known.set(path, made);
    return made;
  };
  return {
    read,
    join: (folder, name) => (name.startsWith('/') ? name : join(folder, name)),
    kindOf,
    isBelow: (folder, path) => !relative(resolve(folder), resolve(path)).startsWith('..'),
    kustomizationOf: (folder) => {
      const [name, ...more] = KUSTOMIZATION_NAMES.filter((one) => kindOf(join(folder, one)) === 'file');
      if (more.length > 0) return 'several';
      return name === undefined ? undefined : read(join(folder, name)).source;
    },
  };
}

function kindOf(path: string): 'file' | 'folder' | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? undefined : stat.isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined; // a loop of links: reading it says what is wrong
  }
}

function fromDisk(path: string): { readonly source: SourceFile; readonly base64?: string } {
  let bytes: Buffer;
  try {
    if (statSync(path).size > LARGEST) throw new Error(`it is larger than ${LARGEST / 1024 / 1024} MiB`);
    bytes = readFileSync(path);
  } catch (error) {
    throw new Error(WORDS[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message, { cause: error });
  }
  return isUtf8(bytes)
    ? { source: sourceFile(path, bytes.toString('utf8')) }
    : { source: sourceFile(path, ''), base64: bytes.toString('base64') };
}
