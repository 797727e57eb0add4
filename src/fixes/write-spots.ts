/** Where a program writes in the image itself: the folders that exist, and in each what comes, goes and changes. */
import type { Finding } from '../finding/finding.ts';
import type { RootFs } from '../image/image.ts';
import { baseName, parentPath } from '../linux/file-path.ts';
import type { Operation } from '../linux/operation.ts';
import { steadyName } from '../trace/volatile-name.ts';
import { findingKey } from './need.ts';

/** What happens to one name in a folder. */
export interface WrittenName {
  /** `entry`: made, removed or renamed in a way that only the folder itself can take: a link in its place would not do. */
  kind: 'directory' | 'file' | 'entry';
  /** A file of the image whose content counts: it is read too, or must be there to be opened. */
  content: boolean;
}

export interface WriteSpot {
  /** A directory of the image, free of symlinks. */
  readonly folder: string;
  readonly names: Map<string, WrittenName>;
  readonly answers: Set<string>;
  /** One of the operations, for the words. */
  readonly example: string;
}

const ATTRIBUTES: ReadonlySet<string> = new Set(['chmod', 'chown', 'utimes', 'setxattr']);

/** The operation leaves something behind in the file system, or takes something away. */
export function changesFiles(operation: Operation | undefined): boolean {
  switch (operation?.kind) {
    case 'open':
      return (
        operation.access === 'write' ||
        operation.access === 'read-write' ||
        operation.create === true ||
        operation.truncate === true ||
        operation.tmpfile === true
      );
    case 'mkdir':
    case 'rmdir':
    case 'unlink':
    case 'rename':
    case 'link':
    case 'symlink':
    case 'mknod':
    case 'truncate':
    case 'bind-unix':
      return true;
    default:
      return operation !== undefined && ATTRIBUTES.has(operation.kind);
  }
}

/** Changes of attributes alone ask for no mount: their spots have no names, and are left out. */
export function writeSpots(findings: readonly Finding[], rootFs: RootFs): readonly WriteSpot[] {
  const spots = new Map<string, WriteSpot>();
  for (const finding of findings) {
    const { operation } = finding;
    if (operation === undefined || !('path' in operation) || !changesFiles(operation) || ATTRIBUTES.has(operation.kind)) continue;
    const paths =
      'to' in operation ? (operation.kind === 'link' ? [operation.to] : [operation.path, operation.to]) : [operation.path];
    for (const path of paths) add(spots, finding, operation, path, rootFs);
  }
  return [...spots.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

function add(spots: Map<string, WriteSpot>, finding: Finding, operation: Operation, asked: string, rootFs: RootFs): void {
  const follows = operation.kind === 'open' || operation.kind === 'truncate';
  const place = rootFs.resolve(asked, { follow: follows });
  const inside = operation.kind === 'open' && operation.tmpfile === true && place.entry?.type === 'directory';
  let path = inside ? `${place.path}/*` : place.path;
  let kind: WrittenName['kind'] = operation.kind === 'mkdir' ? 'directory' : isPlainFile(operation) ? 'file' : 'entry';
  // What lies in a folder that the program makes itself comes with that folder.
  let folder = parentPath(path);
  while (folder !== '/' && rootFs.get(folder)?.type !== 'directory') {
    path = folder;
    folder = parentPath(folder);
    kind = 'directory';
  }
  const name = steadyName(baseName(path));
  const exists = path === place.path ? place.entry : undefined;
  const content =
    operation.kind === 'open' && exists?.type === 'file'
      ? operation.create !== true || (exists.size > 0 && operation.truncate !== true && operation.access !== 'write')
      : operation.kind === 'truncate';
  const spot = spots.get(folder) ?? { folder, names: new Map(), answers: new Set(), example: path };
  spots.set(folder, spot);
  spot.answers.add(findingKey(finding));
  const known = spot.names.get(name);
  if (name.includes('*')) kind = 'entry';
  if (known === undefined) spot.names.set(name, { kind, content });
  else {
    known.content ||= content;
    // A folder that is made, filled and removed again stays a folder; a file that is also renamed or removed is more than a file.
    if (known.kind !== kind && known.kind !== 'directory') known.kind = kind === 'directory' ? 'directory' : 'entry';
  }
}

/** Opened by its name, through a link as well as directly. */
const isPlainFile = (operation: Operation): boolean =>
  operation.kind === 'truncate' ||
  (operation.kind === 'open' && operation.exclusive !== true && operation.noFollow !== true && operation.tmpfile !== true);
