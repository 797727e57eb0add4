/** The permission bits of one inode against one process: owner, ACL, group or other class, then capabilities (fs/namei.c generic_permission). */
import { evaluateAcl } from './acl.ts';
import type { Capability } from './capability.ts';
import type { Credentials } from './credentials.ts';
import type { Inode } from './inode.ts';

export const READ = 4;
export const WRITE = 2;
export const EXECUTE = 1;

/** What the bits say, before and after capabilities. */
export interface Permission {
  readonly allowed: boolean;
  /** The class that decided and what it grants: `"other", r-x`. */
  readonly text: string;
  /** The capability that let it through although the bits said no. */
  readonly through?: Capability;
  /** The weakest capability that would let it through; undefined when allowed, or when none would (executing a file without any x). */
  readonly missing?: Capability;
}

export function hasCapability(who: Credentials, capability: Capability): boolean {
  return who.capabilities.effective.includes(capability);
}

/** The gids that count in file access: the effective one and the supplementary ones. */
export function inGroup(who: Credentials, gid: number): boolean {
  return who.gid === gid || who.groups.includes(gid);
}

/** inode_owner_or_capable: what chmod, utimes and setfacl ask. */
export function ownsOrMayActAsOwner(who: Credentials, inode: Inode): boolean {
  return who.uid === inode.uid || hasCapability(who, 'CAP_FOWNER');
}

export function rwx(perm: number): string {
  return `${perm & 4 ? 'r' : '-'}${perm & 2 ? 'w' : '-'}${perm & 1 ? 'x' : '-'}`;
}

/** `0755 0:0`, as every sentence about an inode begins. */
export function ownerAndMode(inode: Inode): string {
  return `${(inode.mode & 0o7777).toString(8).padStart(4, '0')} ${inode.uid}:${inode.gid}`;
}

/** `want` is rwx as 4, 2, 1. */
export function permission(inode: Inode, who: Credentials, want: number): Permission {
  const plain = classPermission(inode, who, want);
  if (plain.allowed) return { allowed: true, text: plain.text };
  const helpers = helpingCapabilities(inode, want);
  const through = helpers.find((capability) => hasCapability(who, capability));
  if (through !== undefined) return { allowed: true, text: `${plain.text}, but ${through} overrides`, through };
  return { allowed: false, text: plain.text, ...(helpers[0] === undefined ? {} : { missing: helpers[0] }) };
}

/** One class decides and nothing falls through to the next: an owner without r may not read what "other" may. */
function classPermission(inode: Inode, who: Credentials, want: number): { readonly allowed: boolean; readonly text: string } {
  const uid = `uid ${who.uid}`;
  const verdict = (name: string, grants: number) => ({
    allowed: (grants & want) === want,
    text: `${uid} is ${name}, ${rwx(grants)}`,
  });
  if (who.uid === inode.uid) return verdict('the owner', (inode.mode >> 6) & 7);
  // With group bits 0 the mask forbids everything, and the kernel skips the list (acl_permission_check).
  if (inode.acl !== undefined && inode.acl.length > 0 && (inode.mode & 0o070) !== 0) {
    const answer = evaluateAcl(inode.acl, inode, { uid: who.uid, groups: new Set([who.gid, ...who.groups]) }, want);
    return { allowed: answer.allowed, text: `${uid} is ${answer.by} in its ACL, ${rwx(answer.grants)}` };
  }
  if (inGroup(who, inode.gid)) return verdict(`in group ${inode.gid}`, (inode.mode >> 3) & 7);
  return verdict('"other"', inode.mode & 7);
}

/** Weakest first. */
function helpingCapabilities(inode: Inode, want: number): readonly Capability[] {
  if (inode.type === 'directory') {
    return (want & WRITE) === 0 ? ['CAP_DAC_READ_SEARCH', 'CAP_DAC_OVERRIDE'] : ['CAP_DAC_OVERRIDE'];
  }
  const helpers: Capability[] = want === READ ? ['CAP_DAC_READ_SEARCH'] : [];
  if ((want & EXECUTE) === 0 || (inode.mode & 0o111) !== 0) helpers.push('CAP_DAC_OVERRIDE');
  return helpers;
}
