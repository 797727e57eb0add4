/** Writes `system.posix_acl_access` and `_default` (include/uapi/linux/posix_acl_xattr.h); the inverse of decodeAcl. */
import type { AclEntry } from '../linux/inode.ts';

const TAGS: Readonly<Record<AclEntry['tag'], number>> = { 'user-obj': 1, user: 2, 'group-obj': 4, group: 8, mask: 16, other: 32 };

/** Version 2, then tag, permission and id of each entry, little-endian; entries without an id carry -1. */
export function encodeAcl(acl: readonly AclEntry[]): Uint8Array {
  const bytes = new Uint8Array(4 + 8 * acl.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 2, true);
  acl.forEach((entry, i) => {
    view.setUint16(4 + 8 * i, TAGS[entry.tag], true);
    view.setUint16(6 + 8 * i, entry.perm, true);
    view.setUint32(8 + 8 * i, entry.id ?? 0xffffffff, true);
  });
  return bytes;
}
