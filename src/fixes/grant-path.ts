/**
 * The smallest change of owner or mode that gives the recipient a path. Never world-writable, never recursive, and never hands over a
 * directory that holds other people's files: there the recipient gets ready-made files, or the group with the sticky bit.
 */
import type { Fix, LayerChange } from '../finding/fix.ts';
import type { RootEntry } from '../image/image.ts';
import { childPath as child } from '../linux/file-path.ts';
import { octal } from '../text/octal.ts';
import type { FixContext } from './context.ts';
import { groupAsUser, makeChildren, notSaid } from './make-beforehand.ts';
import { missingWorkdir } from './missing-workdir.ts';
import { holdsData, type Need, type Needs } from './need.ts';
import { looksMoving } from './said-names.ts';

/** Directories whose whole purpose is short-lived state of whoever runs (hier(7), FHS 3.0 sections 3.15, 3.18, 5.13, 5.15). */
const VOLATILE = new Set(['/run', '/run/lock', '/tmp', '/var/tmp']);

/** Secrets that a service reads only to check passwords: never handed to a service user. */
export const NEVER: ReadonlySet<string> = new Set([
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/gshadow',
  '/etc/gshadow-',
  '/etc/sudoers',
]);

/** Where programs and their configuration live: whoever may write there may change what runs next. */
const PROGRAM = /^\/(?:etc|usr|bin|sbin|lib|lib32|lib64|libx32|opt|boot)(?:\/|$)/;

export interface Granted {
  readonly fixes: readonly Fix[];
  /** Keys of findings that no grant can answer, with the reason. */
  readonly refused: ReadonlyMap<string, string>;
}

/** Plans grants for needs on paths that live in the image itself. */
export function grantPaths(needs: Needs, context: FixContext): Granted {
  const fixes: Fix[] = [];
  const refused = new Map<string, string>();
  for (const need of [...needs.values()].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const entry = context.rootFs.resolve(need.path, { follow: false }).entry;
    if (entry === undefined) {
      // A parent that the image lacks: the runtime or the program makes it; when it is the program, its own finding asks for the grand-parent.
      const made = missingWorkdir(need, context);
      if (made !== undefined) fixes.push(made);
      continue;
    }
    if (NEVER.has(entry.path)) {
      for (const key of need.answers) refused.set(key, `${entry.path} is never handed to a service user`);
      continue;
    }
    const fix = entry.type === 'directory' ? grantDirectory(entry, need, needs, context) : grantFile(entry, need, context);
    if (typeof fix === 'string') for (const key of need.answers) refused.set(key, fix);
    else if (fix) fixes.push(fix);
  }
  return { fixes, refused };
}

/** A text says why nothing is done. */
function grantDirectory(entry: RootEntry, need: Need, needs: Needs, context: FixContext): Fix | string | undefined {
  const answers = [...need.answers].sort();
  const fixedRoot = entry.path === '/' ? context.target.platform.rootDirectoryMode : undefined;
  if (need.change || need.creates.size > 0 || need.own) {
    // Of a folder of data what is in it goes along, as long as no run has shown what is written.
    const data =
      context.trace === undefined && holdsData(need.answers) && !PROGRAM.test(entry.path) && !EVERYBODYS.test(entry.path);
    const foreign = VOLATILE.has(entry.path) || entry.uid !== 0 || data ? [] : foreignChildren(entry, needs, context);
    if (!need.change && !need.own && (foreign.length > 0 || fixedRoot !== undefined)) {
      const moving = [...need.creates.keys()].filter((name) => !isFixed(child(entry.path, name), context)).sort();
      if (moving.length === 0) return makeChildren(entry, need, answers, context, foreign);
      if (fixedRoot === undefined) return shareDirectory(entry, answers, context, foreign, true);
      const [first] = moving.filter((name) => looksMoving(child(entry.path, name)));
      if (first === undefined) return notSaid(makeChildren(entry, need, answers, context, foreign), moving);
      return `${context.target.platform.name} makes / itself, root's with mode ${octal(fixedRoot)}: a file there needs a name that never changes, which ${child(entry.path, first)} is not`;
    }
    if (fixedRoot !== undefined)
      return `${context.target.platform.name} makes / itself, root's with mode ${octal(fixedRoot)}, whatever the layers say`;
    const fix =
      need.own || foreign.length === 0
        ? ownDirectory(entry, answers, context, foreign)
        : shareDirectory(entry, answers, context, foreign);
    if (typeof fix === 'string') return fix;
    return withRemoved(fix, need, context);
  }
  if (need.removes.size > 0) return ownRemoved(entry, need, answers, context);
  if (need.search || need.read) return openDirectory(entry, need, answers, context);
  return undefined;
}

/** What is made under this name today is made under it tomorrow. */
const isFixed = (path: string, { says }: FixContext): boolean => (says === undefined ? !looksMoving(path) : says(path));

/** In a sticky directory only the owner of the entry or of the directory removes or renames it (inode(7)): no group helps. */
function removedEntries(sticky: RootEntry, need: Need, context: FixContext): readonly RootEntry[] | string {
  const entries = [...need.removes].sort().flatMap((name) => context.rootFs.get(child(sticky.path, name)) ?? []);
  const others = entries.filter(({ uid }) => uid !== context.recipient.uid);
  const secret = others.find(({ path }) => NEVER.has(path));
  if (secret !== undefined) return `${secret.path} is never handed to a service user`;
  if (others.length > 0 && context.recipient.arbitrary)
    return `the sticky bit of ${sticky.path} lets only the owner of ${others[0]?.path} remove or rename it, and the uid is not known beforehand`;
  return others;
}

const takenOver = ({ path, type, mode, target }: RootEntry, { uid, gid }: FixContext['recipient']): LayerChange =>
  type === 'symlink' ? { kind: 'symlink', path, target: target ?? '', uid, gid } : { kind: 'own', path, uid, gid, mode };

/** A change of the directory that leaves it sticky and somebody else's does not let go of what is in it. */
function withRemoved(fix: Fix, need: Need, context: FixContext): Fix | string {
  const [change] = fix.layer;
  const { recipient } = context;
  if (need.removes.size === 0 || change?.kind !== 'own' || (change.mode & 0o1000) === 0) return fix;
  if (change.uid === recipient.uid && !recipient.arbitrary) return fix;
  const directory = context.rootFs.get(change.path);
  const entries = directory === undefined ? [] : removedEntries(directory, need, context);
  if (typeof entries === 'string') return entries;
  if (entries.length === 0) return fix;
  return {
    ...fix,
    title: `${fix.title}; ${entries.map(({ path }) => path).join(', ')}: owner ${recipient.uid}:${recipient.gid}`,
    disposition: 'needs-review',
    layer: [...fix.layer, ...entries.map((entry) => takenOver(entry, recipient))],
    note: `${fix.note}; what the process removes or renames itself becomes its own`,
  };
}

/** The directory may be written already; only the sticky bit stands in the way. */
function ownRemoved(directory: RootEntry, need: Need, answers: readonly string[], context: FixContext): Fix | string | undefined {
  if ((directory.mode & 0o1000) === 0) return undefined;
  const entries = removedEntries(directory, need, context);
  if (typeof entries === 'string') return entries;
  const [first] = entries;
  if (first === undefined) return undefined;
  const { uid, gid } = context.recipient;
  return {
    id: 'own-path',
    subject: first.path,
    title: `${entries.map(({ path, uid, gid }) => `${path}: ${uid}:${gid}`).join(', ')} → ${uid}:${gid}`,
    disposition: entries.some(({ path }) => PROGRAM.test(path)) ? 'needs-review' : 'safe',
    answers,
    layer: entries.map((entry) => takenOver(entry, context.recipient)),
    run: {},
    note: `${directory.path} is sticky: only the owner of an entry removes or renames it`,
  };
}

/** Entries of a directory that neither the program writes nor a service user owns: handing over the directory would let the recipient replace them. */
function foreignChildren(entry: RootEntry, needs: Needs, context: FixContext): string[] {
  return context.rootFs.list(entry.path).filter((name) => {
    const path = child(entry.path, name);
    if (needs.get(entry.path)?.removes.has(name) === true) return false;
    const touched = needs.get(path);
    if (touched && (touched.write || touched.change || touched.own)) return false;
    const inode = context.rootFs.get(path);
    // A log link to /dev/stdout belongs to whoever logs.
    if (inode?.type === 'symlink' && inode.target?.startsWith('/dev/')) return false;
    return inode !== undefined;
  });
}

/** Folders of the whole system (FHS 3.0 chapters 3 to 5): whoever owns one may replace everything in it. */
const EVERYBODYS =
  /^\/(?:[^/]*|usr\/[^/]+|usr\/local\/[^/]+|var\/(?:lib|log|cache|spool|mail|opt|local|backups)|etc\/(?:ssl|init\.d|cron\.\w+|pam\.d|profile\.d))$/;

/** `foreign`: what nobody but root wrote there. Only the owner of a directory may change its mode and times (chmod(2), utimensat(2)). */
function ownDirectory(
  entry: RootEntry,
  answers: readonly string[],
  context: FixContext,
  foreign: readonly string[] = [],
): Fix | string {
  if (foreign.length > 0 && EVERYBODYS.test(entry.path))
    return `only its owner may change the mode or the times of ${entry.path}, and that is everybody's folder`;
  if (foreign.length > 0 && context.recipient.arbitrary)
    return `only its owner may change the mode or the times of ${entry.path}, and the uid is not known beforehand`;
  const change = owned(entry, 0o700, context.recipient);
  if (foreign.length > 0) {
    const also = `${foreign.slice(0, 3).join(', ')}${foreign.length > 3 ? ' …' : ''}`;
    const note = `only its owner may change its mode or its times; with it goes the right to replace ${also}, which it also holds`;
    return fixOf('own-path', entry, answers, change, 'needs-review', note);
  }
  const program = PROGRAM.test(entry.path);
  const note = `directory, no content copied${program ? '; it holds configuration or programs, which the process may then replace' : ''}`;
  return fixOf('own-path', entry, answers, change, program ? 'needs-review' : 'safe', note);
}

/** `moving`: some of the names that are made there may be others in the next run. */
function shareDirectory(
  entry: RootEntry,
  answers: readonly string[],
  context: FixContext,
  foreign: readonly string[],
  moving = false,
): Fix {
  const why = moving
    ? '; the image does not say the names that it makes there, so that no file of a run to come can lie there beforehand'
    : '';
  const change: LayerChange = {
    kind: 'own',
    path: entry.path,
    uid: entry.uid,
    gid: context.recipient.gid,
    mode: entry.mode | 0o1030,
  };
  return fixOf(
    'share-directory',
    entry,
    answers,
    change,
    'needs-review',
    `${entry.path} also holds ${foreign.slice(0, 3).join(', ')}${foreign.length > 3 ? ' …' : ''}: the group may add entries, and the sticky bit keeps what is there from being replaced${why}`,
  );
}

function openDirectory(entry: RootEntry, need: Need, answers: readonly string[], context: FixContext): Fix {
  if (entry.uid !== 0) return ownDirectory(entry, answers, context) as Fix;
  const change: LayerChange = {
    kind: 'own',
    path: entry.path,
    uid: entry.uid,
    gid: context.recipient.gid,
    mode: entry.mode | (need.read ? 0o050 : 0o010),
  };
  return fixOf(
    'share-directory',
    entry,
    answers,
    change,
    'safe',
    `${entry.path} stays root's; the group may ${need.read ? 'list it' : 'pass through it'}`,
  );
}

function grantFile(entry: RootEntry, need: Need, context: FixContext): Fix | undefined {
  if (!(need.write || need.read || need.execute || need.own)) return undefined;
  const bits = (need.write ? 0o200 : 0) | (need.read ? 0o400 : 0) | (need.execute ? 0o500 : 0);
  const answers = [...need.answers].sort();
  const size = entry.type === 'file' ? entry.size : 0;
  const secret = entry.uid === 0 && (entry.mode & 0o044) === 0 && need.read;
  const writes = need.write || need.own;
  // Whoever only reads what is root's gets it through the group: the owner stays, and programs that check the mode of a key accept it.
  const change: LayerChange =
    writes || entry.uid !== 0
      ? owned(entry, bits, context.recipient)
      : { kind: 'own', path: entry.path, uid: entry.uid, gid: context.recipient.gid, mode: entry.mode | (bits >> 3) };
  return fixOf(
    writes || entry.uid !== 0 ? 'own-path' : 'share-file',
    entry,
    answers,
    change,
    secret || (writes && PROGRAM.test(entry.path)) ? 'needs-review' : 'safe',
    `file, ${size} bytes copied into the layer${secret ? '; only root could read it until now' : ''}`,
  );
}

/** `chgrp 0; chmod g=u` for any uid; otherwise a new owner and the same mode plus what is needed. */
function owned(entry: RootEntry, bits: number, recipient: FixContext['recipient']): LayerChange {
  const mode = entry.mode | bits;
  if (recipient.arbitrary) return { kind: 'own', path: entry.path, uid: entry.uid, gid: 0, mode: groupAsUser(mode) };
  return { kind: 'own', path: entry.path, uid: recipient.uid, gid: recipient.gid, mode };
}

function fixOf(
  id: string,
  entry: RootEntry,
  answers: readonly string[],
  change: LayerChange,
  disposition: Fix['disposition'],
  note: string,
): Fix {
  const was = `${octal(entry.mode)} ${entry.uid}:${entry.gid}`;
  const now = change.kind === 'own' ? `${octal(change.mode)} ${change.uid}:${change.gid}` : '';
  return {
    id,
    subject: entry.path,
    title: `${entry.path}: ${was} → ${now}`,
    disposition,
    answers,
    layer: [change],
    run: {},
    note,
  };
}
