/** The permission bits of one inode against one process: owner, ACL, group or other class, then capabilities (fs/namei.c generic_permission). */
import { type AclVerdict, evaluateAcl } from './acl.ts';
import type { Capability } from './capability.ts';
import type { Credentials } from './credentials.ts';
import type { AccessClass } from './decision.ts';
import type { Inode } from './inode.ts';

export const READ = 4;
export const WRITE = 2;
export const EXECUTE = 1;

/** Which bits decided and what they grant. */
export interface ClassFacts {
  readonly class: AccessClass;
  /** The group or ACL entry that counts: `group 101`, `named user 1000`. */
  readonly entry?: string;
  /** rwx as 4, 2, 1. */
  readonly granted: number;
  /** What the ACL entry says itself, where the mask takes some of it away. */
  readonly unmasked?: number;
}

/** What the bits say, before and after capabilities. */
export interface Permission extends ClassFacts {
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

/** Whether the file's owner is the process's effective uid. */
export function owns(who: Credentials, inode: Inode): boolean {
  return who.uid === inode.uid && inode.unmapped?.uid !== true;
}

/** Whether the file's group is one of the process's. */
export function inGroupOf(who: Credentials, inode: Inode): boolean {
  return inGroup(who, inode.gid) && inode.unmapped?.gid !== true;
}

/** A process outside every user namespace knows all ids, whatever one inside would make of the file. */
export function isBeyond(who: Credentials, inode: Inode): boolean {
  return inode.unmapped !== undefined && who.userNamespace !== undefined;
}

/** capable_wrt_inode_uidgid: in a user namespace a capability reaches only files whose owner and group the namespace knows. */
export function hasCapabilityOver(who: Credentials, inode: Inode, capability: Capability): boolean {
  return !isBeyond(who, inode) && hasCapability(who, capability);
}

/** inode_owner_or_capable: what chmod, utimes and setfacl ask. Here the group does not matter. */
export function ownsOrMayActAsOwner(who: Credentials, inode: Inode): boolean {
  return owns(who, inode) || (inode.unmapped?.uid !== true && hasCapability(who, 'CAP_FOWNER'));
}

/** in_group_or_capable with CAP_FSETID: who may leave the setgid bit on. */
export function mayKeepSetgid(who: Credentials, inode: Inode): boolean {
  return inGroupOf(who, inode) || hasCapabilityOver(who, inode, 'CAP_FSETID');
}

export function rwx(perm: number): string {
  return `${perm & 4 ? 'r' : '-'}${perm & 2 ? 'w' : '-'}${perm & 1 ? 'x' : '-'}`;
}

/** `0755 0:0`, as every sentence about an inode begins. */
export function ownerAndMode(inode: Inode): string {
  return `${(inode.mode & 0o7777).toString(8).padStart(4, '0')} ${inode.uid}:${inode.gid}`;
}

/** The bare answer. `want` is rwx as 4, 2, 1. */
export function mayAccess(inode: Inode, who: Credentials, want: number): boolean {
  return classAllows(inode, who, want) || throughCapability(inode, who, want) !== undefined;
}

/** The same answer, with the class that decided and the capabilities that matter. */
export function permission(inode: Inode, who: Credentials, want: number): Permission {
  const facts = classFacts(inode, who, want);
  const text = classText(facts, who);
  if (classAllows(inode, who, want)) return { ...facts, allowed: true, text };
  const through = throughCapability(inode, who, want);
  if (through !== undefined) return { ...facts, allowed: true, text: `${text}, but ${through} overrides`, through };
  const missing = helpingCapabilities(inode, who, want)[0];
  return { ...facts, allowed: false, text, ...(missing === undefined ? {} : { missing }) };
}

/** One class decides and nothing falls through to the next: an owner without r may not read what "other" may. */
function classOf(inode: Inode, who: Credentials): AccessClass {
  // net_ctl_permissions: the network's administrator counts as its owner (net/sysctl_net.c).
  if (inode.sysctl === 'net' && hasCapability(who, 'CAP_NET_ADMIN')) return 'owner';
  if (owns(who, inode)) return 'owner';
  // With group bits 0 the mask forbids everything, and the kernel skips the list (acl_permission_check).
  if (inode.acl !== undefined && inode.acl.length > 0 && (inode.mode & 0o070) !== 0) return 'acl';
  return inGroupOf(who, inode) ? 'group' : 'other';
}

function classAllows(inode: Inode, who: Credentials, want: number): boolean {
  const decides = classOf(inode, who);
  if (decides === 'acl') return aclVerdict(inode, who, want).allowed;
  return (bitsOf(inode, decides) & want) === want;
}

function bitsOf(inode: Inode, decides: Exclude<AccessClass, 'acl'>): number {
  return (inode.mode >> (decides === 'owner' ? 6 : decides === 'group' ? 3 : 0)) & 7;
}

function aclVerdict(inode: Inode, who: Credentials, want: number): AclVerdict {
  const file = { uid: inode.unmapped?.uid === true ? -1 : inode.uid, gid: inode.unmapped?.gid === true ? -1 : inode.gid };
  return evaluateAcl(inode.acl ?? [], file, { uid: who.uid, groups: new Set([who.gid, ...who.groups]) }, want);
}

function classFacts(inode: Inode, who: Credentials, want: number): ClassFacts {
  const decides = classOf(inode, who);
  if (decides === 'acl') {
    const { by, grants, unmasked } = aclVerdict(inode, who, want);
    return { class: decides, entry: by, granted: grants, ...(unmasked === undefined ? {} : { unmasked }) };
  }
  return { class: decides, ...(decides === 'group' ? { entry: `group ${inode.gid}` } : {}), granted: bitsOf(inode, decides) };
}

function classText({ class: decides, entry, granted, unmasked }: ClassFacts, { uid }: Credentials): string {
  const name = { owner: 'the owner', acl: `${entry} in its ACL`, group: `in ${entry}`, other: '"other"' }[decides];
  const cut = unmasked === undefined ? '' : ` (its mask leaves that of ${rwx(unmasked)})`;
  return `uid ${uid} is ${name}, ${rwx(granted)}${cut}`;
}

function throughCapability(inode: Inode, who: Credentials, want: number): Capability | undefined {
  if (who.capabilities.effective.length === 0) return undefined;
  return helpingCapabilities(inode, who, want).find((capability) => hasCapability(who, capability));
}

/** Weakest first. */
function helpingCapabilities(inode: Inode, who: Credentials, want: number): readonly Capability[] {
  // sysctl_perm looks at ids alone (fs/proc/proc_sysctl.c).
  if (inode.sysctl !== undefined || isBeyond(who, inode)) return NOBODY;
  if (inode.type === 'directory') return (want & WRITE) === 0 ? READERS : OVERRIDERS;
  const executable = (want & EXECUTE) === 0 || (inode.mode & 0o111) !== 0;
  if (want === READ) return READERS;
  return executable ? OVERRIDERS : NOBODY;
}

const READERS: readonly Capability[] = ['CAP_DAC_READ_SEARCH', 'CAP_DAC_OVERRIDE'];
const OVERRIDERS: readonly Capability[] = ['CAP_DAC_OVERRIDE'];
const NOBODY: readonly Capability[] = [];
