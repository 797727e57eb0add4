/** POSIX access control lists: the kernel's attribute bytes, the text form tar archives carry, and what a list answers (acl(5), fs/posix_acl.c). */
import type { AclEntry } from './inode.ts';

/** Why bytes or text are no access control list. */
export interface InvalidAcl {
  readonly invalid: string;
  /** Of bytes: what setxattr(2) fails with. Engines go on after EOPNOTSUPP, without the list. */
  readonly errno?: 'EINVAL' | 'EOPNOTSUPP';
}

const TAGS: Readonly<Record<number, AclEntry['tag']>> = {
  1: 'user-obj',
  2: 'user',
  4: 'group-obj',
  8: 'group',
  16: 'mask',
  32: 'other',
};

/** Nobody needs more; hostile archives may say anything. */
const MAX_ENTRIES = 4096;

/**
 * Decodes `system.posix_acl_access` or `_default`: a version word (2), then entries of tag, permission and id, little-endian. Nothing behind the
 * version means that there is no list: []. What the kernel does not take is invalid here too.
 */
export function decodeAcl(bytes: Uint8Array): readonly AclEntry[] | InvalidAcl {
  const invalid = (why: string): InvalidAcl => ({ invalid: why, errno: 'EINVAL' });
  if (bytes.length < 4) return invalid(`${bytes.length} bytes, expected 4 + 8 per entry`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(0, true);
  if (version !== 2) return { invalid: `version ${version}, expected 2`, errno: 'EOPNOTSUPP' };
  if ((bytes.length - 4) % 8 !== 0) return invalid(`${bytes.length} bytes, expected 4 + 8 per entry`);
  const count = (bytes.length - 4) / 8;
  if (count > MAX_ENTRIES) return invalid(`${count} entries, at most ${MAX_ENTRIES} expected`);
  const entries: AclEntry[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = 4 + 8 * index;
    const tag = TAGS[view.getUint16(at, true)];
    if (tag === undefined) return invalid(`unknown entry tag ${view.getUint16(at, true)}`);
    const perm = view.getUint16(at + 2, true);
    if (perm > 7) return invalid(`permission ${perm} in entry ${index}`);
    const id = view.getUint32(at + 4, true);
    if (tag !== 'user' && tag !== 'group') entries.push({ tag, perm });
    else if (id === 0xffffffff) return invalid(`the id -1 in entry ${index}`);
    else entries.push({ tag, id, perm });
  }
  const disorder = disorderOf(entries);
  return disorder === undefined ? entries : invalid(disorder);
}

/** The order of entries, and what may follow each (fs/posix_acl.c, posix_acl_valid). */
const FOLLOWS: Readonly<Record<AclEntry['tag'] | 'start', readonly AclEntry['tag'][]>> = {
  start: ['user-obj'],
  'user-obj': ['user', 'group-obj'],
  user: ['user', 'group-obj'],
  'group-obj': ['group', 'mask', 'other'],
  group: ['group', 'mask'],
  mask: ['other'],
  other: [],
};

function disorderOf(entries: readonly AclEntry[]): string | undefined {
  let last: AclEntry['tag'] | 'start' = 'start';
  for (const [index, { tag }] of entries.entries()) {
    if (!FOLLOWS[last].includes(tag)) return `entry ${index} is ${tag}, expected ${FOLLOWS[last].join(' or ') || 'no more'}`;
    last = tag;
  }
  if (last === 'start') return undefined;
  if (last !== 'other') return `it ends with ${last}, expected other`;
  const named = entries.some(({ tag }) => tag === 'user' || tag === 'group');
  return named && !entries.some(({ tag }) => tag === 'mask') ? 'named entries without a mask' : undefined;
}

/**
 * Reads the text of the PAX records SCHILY.acl.access and SCHILY.acl.default: entries separated by commas or line ends,
 * `user:NAME:rwx:ID` with the id last (star) or `user:ID:rwx`. A name without an id needs `idOf`.
 */
export function parseAclText(
  text: string,
  idOf?: (kind: 'user' | 'group', name: string) => number | undefined,
): readonly AclEntry[] | InvalidAcl {
  const entries: AclEntry[] = [];
  for (const raw of text.split(/[,\n\0]/)) {
    const item = raw.replace(/#.*$/, '').trim();
    if (item === '') continue;
    if (entries.length === MAX_ENTRIES) return { invalid: `more than ${MAX_ENTRIES} entries` };
    const [kind = '', name = '', bits = '', numeric] = item.split(':').map((part) => part.trim());
    const perm = permOf(bits);
    const tag = tagOf(kind, name);
    if (perm === undefined || tag === undefined) return { invalid: `entry "${item}"` };
    if (tag !== 'user' && tag !== 'group') {
      entries.push({ tag, perm });
      continue;
    }
    const written = numeric !== undefined && numeric !== '' ? numeric : name;
    const id = /^[0-9]{1,10}$/.test(written) ? Number(written) : idOf?.(tag, name);
    if (id === undefined) return { invalid: `entry "${item}": the id of ${tag} "${name}" is not known` };
    entries.push({ tag, id, perm });
  }
  return entries;
}

function tagOf(kind: string, name: string): AclEntry['tag'] | undefined {
  if (kind === 'user' || kind === 'u') return name === '' ? 'user-obj' : 'user';
  if (kind === 'group' || kind === 'g') return name === '' ? 'group-obj' : 'group';
  if (kind === 'mask' || kind === 'm') return 'mask';
  return kind === 'other' || kind === 'o' ? 'other' : undefined;
}

function permOf(bits: string): number | undefined {
  if (!/^[r-][w-][x-]$/.test(bits)) return undefined;
  return (bits[0] === 'r' ? 4 : 0) | (bits[1] === 'w' ? 2 : 0) | (bits[2] === 'x' ? 1 : 0);
}

/** Which entry decided, what it grants after the mask, and whether that covers what was wanted. */
export interface AclVerdict {
  readonly allowed: boolean;
  /** E.g. `named user 1000`, `owning group 50`, `other`. */
  readonly by: string;
  readonly grants: number;
  /** What the entry says itself, where the mask takes some of it away. */
  readonly unmasked?: number;
}

/** The subject of the question: ids that count, groups including the effective gid. */
export interface AclSubject {
  readonly uid: number;
  readonly groups: ReadonlySet<number>;
}

/** posix_acl_permission: the first user entry that fits decides; among group entries one that grants everything; the mask limits both. */
export function evaluateAcl(
  acl: readonly AclEntry[],
  file: { readonly uid: number; readonly gid: number },
  subject: AclSubject,
  want: number,
): AclVerdict {
  const mask = acl.find((entry) => entry.tag === 'mask')?.perm ?? 7;
  let group: AclVerdict | undefined;
  for (const entry of acl) {
    const covers = (perm: number) => (perm & want) === want;
    if (entry.tag === 'user-obj' && file.uid === subject.uid)
      return { allowed: covers(entry.perm), by: 'owner', grants: entry.perm };
    if (entry.tag === 'user' && entry.id === subject.uid) {
      const grants = entry.perm & mask;
      return { allowed: covers(grants), by: `named user ${entry.id}`, grants, ...cut(entry.perm, grants) };
    }
    const gid = entry.tag === 'group-obj' ? file.gid : entry.tag === 'group' ? entry.id : undefined;
    if (gid !== undefined && subject.groups.has(gid)) {
      const by = entry.tag === 'group-obj' ? `owning group ${gid}` : `named group ${gid}`;
      const grants = entry.perm & mask;
      group ??= { allowed: false, by, grants, ...cut(entry.perm, grants) };
      // A group entry that grants the want ends the search, even when the mask then takes it away again.
      if (covers(entry.perm)) return { allowed: covers(grants), by, grants, ...cut(entry.perm, grants) };
    }
    if (entry.tag === 'other') return group ?? { allowed: covers(entry.perm), by: 'other', grants: entry.perm };
  }
  return group ?? { allowed: false, by: 'no entry', grants: 0 };
}

const cut = (perm: number, grants: number): Pick<AclVerdict, 'unmasked'> => (perm === grants ? {} : { unmasked: perm });

/** The list after chmod(2): owner, mask (or owning group) and other follow the new mode bits. */
export function aclAfterChmod(acl: readonly AclEntry[], mode: number): readonly AclEntry[] {
  const groupTag = acl.some((entry) => entry.tag === 'mask') ? 'mask' : 'group-obj';
  return acl.map((entry) => {
    if (entry.tag === 'user-obj') return { ...entry, perm: (mode >> 6) & 7 };
    if (entry.tag === groupTag) return { ...entry, perm: (mode >> 3) & 7 };
    return entry.tag === 'other' ? { ...entry, perm: mode & 7 } : entry;
  });
}

/**
 * Mode and list of a file of a layer once an engine has unpacked it. Setting a list sets the mode bits, and one that says no more than
 * those is not kept (posix_acl_update_mode); chmod(2) afterwards changes the list. Which comes last differs from engine to engine.
 */
export function unpackedAcl(
  mode: number,
  acl: readonly AclEntry[],
  listLast: boolean,
): { readonly mode: number; readonly acl?: readonly AclEntry[] } {
  const more = acl.length > 3;
  if (!listLast) return more ? { mode, acl: aclAfterChmod(acl, mode) } : { mode };
  const perm = (tag: AclEntry['tag']): number | undefined => acl.find((entry) => entry.tag === tag)?.perm;
  const bits = ((perm('user-obj') ?? 0) << 6) | ((perm('mask') ?? perm('group-obj') ?? 0) << 3) | (perm('other') ?? 0);
  return { mode: (mode & ~0o777) | bits, ...(more ? { acl } : {}) };
}
