/** From findings to the smallest set of fixes that answers them. The same findings always give the same fixes. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { fileTree } from '../launch/file-tree.ts';
import { credentialsOf } from '../launch/launch.ts';
import { isWithin } from '../linux/file-path.ts';
import { EXECUTE, mayAccess, WRITE } from '../linux/permission.ts';
import { noBytecode, writesBytecode } from './bytecode-cache.ts';
import type { FixContext } from './context.ts';
import { placeOf } from './context.ts';
import { fileCapabilities, wantsFileCapabilities } from './file-capabilities.ts';
import { withContents } from './folder-contents.ts';
import { grantPaths } from './grant-path.ts';
import { homeDirectory } from './home-directory.ts';
import { findingKey, gatherNeeds, type Need } from './need.ts';
import { homeInMemory, mountsForWrites, readOnlyRoot } from './read-only-root.ts';
import { unprivilegedPort } from './unprivileged-port.ts';
import { volumeOwner } from './volume-owner.ts';
import { changesFiles } from './write-spots.ts';

export interface Unresolved {
  readonly finding: Finding;
  /** Why nothing is done about it. */
  readonly reason: string;
}

export interface FixPlan {
  readonly fixes: readonly Fix[];
  readonly unresolved: readonly Unresolved[];
  /** What nothing of this settles. */
  readonly unknown?: readonly string[];
}

/** Findings that are about identity itself: only a run can tell whether the program minds, so nothing is changed for them in advance. */
const WAIT_AND_SEE = new Set(['ownership-change', 'identity-change', 'capability-needed']);

/** Findings that say something to a reader but ask for nothing. */
const TELLS = new Set(['runs-as-root', 'named-user', 'home-not-writable', 'workdir-not-usable']);

/** Findings about what volumes hand in. */
const HANDED_IN = new Set(['volume-not-readable', 'volume-access-unknown']);

/** Findings about what the image's own words say will be written. */
const SAYS = new Set(['data-path-not-writable', 'home-not-writable', 'workdir-not-usable']);

export function planFixes(findings: readonly Finding[], context: FixContext): FixPlan {
  const asked = findings.filter(
    (finding) => finding.operation !== undefined && !(TELLS.has(finding.id) && finding.severity === 'info'),
  );
  const home = homeDirectory(asked, context);
  const athome = new Set(home.answered);
  const rest = asked.filter((finding) => !athome.has(finding));

  const inImage: Finding[] = [];
  const compiled: Finding[] = [];
  const onReadOnly: Finding[] = [];
  const onVolume: Finding[] = [];
  // Once a run was watched, it has shown whether the program minds.
  const unresolved: Unresolved[] = (context.trace === undefined ? findings : [])
    .filter(({ id }) => HANDED_IN.has(id))
    .map((finding) => ({ finding, reason: 'what a volume brings belongs to where it comes from: no image can change it' }));
  for (const finding of rest) {
    if (finding.operation?.kind === 'bind' || finding.id === 'file-capabilities-out-of-bounds') continue;
    if (wantsFileCapabilities(finding, context)) continue;
    const path = finding.operation && 'path' in finding.operation ? finding.operation.path : undefined;
    if (path === undefined || WAIT_AND_SEE.has(finding.id)) {
      unresolved.push({ finding, reason: waitReason(finding) });
      continue;
    }
    const place = placeOf(context.rootFs.resolve(path).path, context.target);
    if (place.kind === 'kernel')
      unresolved.push({ finding, reason: `${place.target} is made by the kernel or the runtime: an image cannot change it` });
    else if (place.kind === 'volume' && place.readOnly)
      unresolved.push({ finding, reason: `${place.target} is mounted read-only: its owner is settled where it comes from` });
    else if (place.kind === 'image' && context.target.readOnlyRoot && changesFiles(finding.operation)) {
      // What only the image's environment says is not known to be written once the program was watched.
      if (context.trace === undefined || !SAYS.has(finding.id)) onReadOnly.push(finding);
    } else if (place.kind === 'image' && writesBytecode(finding)) compiled.push(finding);
    else if (place.kind === 'image') inImage.push(finding);
    else {
      onVolume.push(finding);
      // A fresh volume starts as a copy of what the image has there, owners included.
      if (place.copies) inImage.push(finding);
    }
  }

  const mounts = mountsForWrites(onReadOnly, context);
  // A volume that starts as a copy takes the owners of what is copied; on the way to any of them folders must be passed.
  const below = (finding: Finding): boolean =>
    mounts.copied.some((path) => isWithin(context.rootFs.resolve((finding.operation as { path: string }).path).path, path));
  const needs = gatherNeeds(inImage, context.rootFs, changeable(context));
  for (const [path, need] of gatherNeeds(onReadOnly.filter(below), context.rootFs, changeable(context)))
    if (mounts.copied.some((volume) => isWithin(path, volume))) needs.set(path, bothNeeds(needs.get(path), need));
  passages(gatherNeeds(onReadOnly, context.rootFs), needs);
  const granted = grantPaths(needs, context);
  const volumes = volumeOwner(onVolume, context);
  const ports = unprivilegedPort(rest, context);
  for (const finding of ports.left === undefined ? [] : rest)
    if (finding.operation?.kind === 'bind') unresolved.push({ finding, reason: ports.left as string });
  const fixes = [
    // The directory a volume is mounted on is the volume's business.
    ...granted.fixes.filter((fix) => ![...volumes, ...mounts.fixes].some((volume) => volume.subject === fix.subject)),
    ...(context.target.readOnlyRoot ? [readOnlyRoot(), ...home.fixes.map(homeInMemory), ...mounts.fixes] : home.fixes),
    ...volumes,
    ...(compiled.length === 0 ? [] : [noBytecode('bytecode-cache', compiled)]),
    ...ports.fixes,
    ...fileCapabilities(rest, context),
  ];
  const whole = withContents(fixes, context);
  const answered = new Set(fixes.flatMap((fix) => fix.answers));
  for (const finding of [...new Set([...onReadOnly, ...inImage, ...onVolume])]) {
    const key = findingKey(finding);
    if (mounts.refused.has(key)) unresolved.push({ finding, reason: mounts.refused.get(key)! });
    else if (granted.refused.has(key)) unresolved.push({ finding, reason: granted.refused.get(key)! });
    else if (!answered.has(key)) unresolved.push({ finding, reason: 'no change of owner or mode in the image answers it' });
  }
  return { fixes: whole.fixes, unresolved, ...(whole.unknown.length === 0 ? {} : { unknown: whole.unknown }) };
}

const bothNeeds = (known: Need | undefined, more: Need): Need =>
  known === undefined
    ? more
    : {
        path: known.path,
        change: known.change || more.change,
        read: known.read || more.read,
        search: known.search || more.search,
        write: known.write || more.write,
        execute: known.execute || more.execute,
        own: known.own || more.own,
        creates: new Map([...known.creates, ...more.creates]),
        removes: new Set([...known.removes, ...more.removes]),
        answers: new Set([...known.answers, ...more.answers]),
      };

/** Of what mounts take care of, only the way there is left to grant. */
function passages(from: ReadonlyMap<string, Need>, needs: Map<string, Need>): void {
  for (const [path, { search, answers }] of from) {
    if (!search) continue;
    const known = needs.get(path);
    if (known !== undefined) known.search = true;
    else {
      const nothing = { change: false, read: false, write: false, execute: false, own: false };
      needs.set(path, { path, ...nothing, search, creates: new Map(), removes: new Set(), answers });
    }
  }
}

/** Directories in which the recipient may make and remove entries as the image and the platform have them. */
function changeable({ target, rootFs }: FixContext): (directory: string) => boolean {
  const tree = fileTree(target, rootFs);
  const who = credentialsOf(target);
  return (directory) => {
    const node = tree.lookup(directory);
    return typeof node === 'object' && mayAccess(node.inode, who, WRITE | EXECUTE);
  };
}

function waitReason(finding: Finding): string {
  switch (finding.id) {
    case 'identity-change':
      return 'whether the program minds shows when it runs as the user: most skip this when they are not root';
    case 'ownership-change':
      return 'whether the program minds shows when it runs as the user: most only set the owner that a file of theirs has already';
    default:
      return 'no change of the image gives a user a capability';
  }
}
