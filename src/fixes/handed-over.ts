/**
 * Files that the program hands to its own user at every start, unasked who it is (`chown -R app /data`). chown to the owner a file already has
 * is allowed to that owner (chown(2); fs/attr.c chown_ok), so shipping them with that owner leaves the program nothing to be denied.
 */
import type { Finding } from '../finding/finding.ts';
import type { Fix, LayerChange } from '../finding/fix.ts';
import type { RootEntry } from '../image/image.ts';
import { type FixContext, placeOf } from './context.ts';
import { NEVER } from './grant-path.ts';
import { findingKey } from './need.ts';
import { volumeOwner } from './volume-owner.ts';

/** Only for denials that the recipient really met, and only where it asked for what it could have been given: itself, and a group it is in. */
export function handedOver(observed: readonly Finding[], context: FixContext): Fix[] {
  const { uid, arbitrary } = context.recipient;
  if (arbitrary) return [];
  const inImage = new Map<string, { readonly entry: RootEntry; readonly answers: Set<string> }>();
  const onVolume: Finding[] = [];
  for (const finding of observed) {
    const { operation } = finding;
    if (operation?.kind !== 'chown' || !same(operation.uid, [uid]) || !same(operation.gid, groupsOf(context))) continue;
    const { path, entry } = context.rootFs.resolve(operation.path, { follow: operation.noFollow !== true });
    const place = placeOf(path, context.target);
    if (place.kind === 'kernel') continue;
    if (place.kind === 'volume') onVolume.push(finding);
    if ((place.kind === 'volume' && !place.copies) || entry === undefined || NEVER.has(entry.path)) continue;
    const found = inImage.get(entry.path) ?? { entry, answers: new Set<string>() };
    found.answers.add(findingKey(finding));
    inImage.set(entry.path, found);
  }
  return [...trees([...inImage.values()], context), ...volumeOwner(onVolume, context)];
}

/** -1 leaves an id as it is; strace and the log may show it unsigned. */
const same = (asked: number, own: readonly number[]): boolean => asked === -1 || asked === 0xffffffff || own.includes(asked);

const groupsOf = ({ recipient, target }: FixContext): readonly number[] => [recipient.gid, ...target.groups];

/** One fix for each tree: its top, and of what is below only what the program asked for. */
function trees(
  asked: readonly { readonly entry: RootEntry; readonly answers: ReadonlySet<string> }[],
  context: FixContext,
): Fix[] {
  const tops: { top: RootEntry; members: (typeof asked)[number][] }[] = [];
  for (const one of [...asked].sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1))) {
    const home = tops.find(({ top }) => one.entry.path.startsWith(`${top.path}/`));
    if (home) home.members.push(one);
    else tops.push({ top: one.entry, members: [one] });
  }
  const { uid, gid } = context.recipient;
  return tops.map(({ top, members }) => {
    const files = members.filter(({ entry }) => entry.type === 'file');
    const copied = files.reduce((sum, { entry }) => sum + entry.size, 0);
    const below = members.length - 1;
    return {
      id: 'handed-over',
      subject: top.path,
      title: `${top.path}${below > 0 ? ` and ${below} below it` : ''}: owner ${uid}:${gid}`,
      disposition: 'needs-review',
      answers: [...new Set(members.flatMap(({ answers }) => [...answers]))].sort(),
      layer: members.map(({ entry }) => ownedBy(entry, uid, gid)),
      run: {},
      note: `the program sets this owner itself whenever it starts, and stops when it may not${copied > 0 ? `; ${copied} bytes copied into the layer` : ''}`,
    };
  });
}

function ownedBy(entry: RootEntry, uid: number, gid: number): LayerChange {
  return entry.type === 'symlink'
    ? { kind: 'symlink', path: entry.path, target: entry.target ?? '', uid, gid }
    : { kind: 'own', path: entry.path, uid, gid, mode: entry.mode };
}
