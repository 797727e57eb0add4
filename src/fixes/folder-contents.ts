/**
 * What lies in a folder that is handed over because data is kept there: as long as nothing was run, nobody knows which of it the program writes.
 * A run shows it, and asks for what it shows alone.
 */
import type { Fix, LayerChange } from '../finding/fix.ts';
import type { RootEntry, RootFs } from '../image/image.ts';
import { fileTree } from '../launch/file-tree.ts';
import { credentialsOf } from '../launch/launch.ts';
import { isWithin } from '../linux/file-path.ts';
import { mayAccess, WRITE } from '../linux/permission.ts';
import type { FixContext } from './context.ts';
import { NEVER } from './grant-path.ts';
import { groupAsUser } from './make-beforehand.ts';
import { holdsData } from './need.ts';

/** Files are copied into the layer: so much, and so many, and no more. */
const BYTES = 128 * 1024 * 1024;
const ENTRIES = 10_000;

export interface WithContents {
  readonly fixes: readonly Fix[];
  /** What is not settled by handing over what lies there. */
  readonly unknown: readonly string[];
}

export function withContents(fixes: readonly Fix[], context: FixContext): WithContents {
  if (context.trace !== undefined) return { fixes, unknown: [] };
  const unknown = new Set<string>();
  const made = fixes.map((fix): Fix => {
    const [change] = fix.layer;
    const folder = change?.kind === 'own' && fix.layer.length === 1 ? context.rootFs.get(change.path) : undefined;
    if (change?.kind !== 'own' || folder?.type !== 'directory' || folder.path === '/') return fix;
    // The folder itself stays somebody else's: then it is shared, and what is in it stays as it is.
    if (!isGiven(change, context) || !holdsData(fix.answers)) return fix;
    for (const text of linksOut(folder.path, context)) unknown.add(text);
    const { layer, more } = contents(folder.path, context);
    if (more > 0) unknown.add(`${more} more files below ${folder.path} stay their owner's: too much to copy into a layer`);
    return layer.length === 0
      ? fix
      : { ...fix, title: `${fix.title}, and ${layer.length} in it`, layer: [...fix.layer, ...layer] };
  });
  return { fixes: made, unknown: [...unknown] };
}

const isGiven = ({ uid, gid }: { readonly uid: number; readonly gid: number }, { recipient }: FixContext): boolean =>
  recipient.arbitrary ? gid === recipient.gid : uid === recipient.uid;

const below = (rootFs: RootFs, folder: string): readonly RootEntry[] =>
  [...rootFs.entries()].filter(({ path }) => path !== folder && isWithin(path, folder));

function contents(folder: string, context: FixContext): { readonly layer: readonly LayerChange[]; readonly more: number } {
  const { uid, gid, arbitrary } = context.recipient;
  const layer: LayerChange[] = [];
  let bytes = 0;
  let more = 0;
  for (const entry of below(context.rootFs, folder)) {
    const { path, type, mode } = entry;
    if ((type !== 'file' && type !== 'directory') || NEVER.has(path)) continue;
    // Whoever runs it would become somebody else: that is no data.
    if (type === 'file' && (mode & 0o6000) !== 0) continue;
    const wanted = arbitrary ? groupAsUser(mode) : mode;
    if ((arbitrary ? entry.gid === gid : entry.uid === uid && entry.gid === gid) && mode === wanted) continue;
    const adds = type === 'file' ? entry.size : 0;
    if (layer.length >= ENTRIES || bytes + adds > BYTES) {
      more += 1;
      continue;
    }
    bytes += adds;
    layer.push({ kind: 'own', path, uid: arbitrary ? entry.uid : uid, gid: arbitrary ? 0 : gid, mode: wanted });
  }
  return { layer, more };
}

/** Links whose target is nowhere, or is nothing that the user may write. */
function linksOut(folder: string, context: FixContext): readonly string[] {
  const tree = fileTree(context.target, context.rootFs);
  const who = credentialsOf(context.target);
  return below(context.rootFs, folder).flatMap(({ path, type, target = '' }) => {
    if (type !== 'symlink') return [];
    const { path: at, entry } = context.rootFs.resolve(path);
    if (/^\/(?:dev|proc|sys)(?:\/|$)/.test(at) || isWithin(at, folder)) return [];
    if (entry === undefined) return [`${path} is a link to ${target}, which the image lacks: who may write there is not known`];
    const node = tree.lookup(at);
    if (typeof node !== 'object' || mayAccess(node.inode, who, WRITE)) return [];
    return [`${path} is a link to ${target}, which stays its owner's: through it the user may write nothing`];
  });
}
