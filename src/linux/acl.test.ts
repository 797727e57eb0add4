import { expect, test } from 'vitest';
import { aclAfterChmod, decodeAcl, evaluateAcl, parseAclText } from './acl.ts';
import type { AclEntry } from './inode.ts';

/** `setfacl -m u:1000:rw,g:50:r,m::r` on a 0640 file, as getfattr -e hex prints it. */
const ATTRIBUTE =
  '02000000010006 00ffffffff 02000600e8030000 04000400ffffffff 0800040032000000 10000400ffffffff 20000000ffffffff'.replaceAll(
    ' ',
    '',
  );
const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const ACL: readonly AclEntry[] = [
  { tag: 'user-obj', perm: 6 },
  { tag: 'user', id: 1000, perm: 6 },
  { tag: 'group-obj', perm: 4 },
  { tag: 'group', id: 50, perm: 4 },
  { tag: 'mask', perm: 4 },
  { tag: 'other', perm: 0 },
];

test('the attribute', () => {
  expect(decodeAcl(bytes(ATTRIBUTE))).toEqual(ACL);
  expect(decodeAcl(bytes('02000000')), 'no list').toEqual([]);
  expect(decodeAcl(bytes('01000000'))).toEqual({ invalid: 'version 1, expected 2', errno: 'EOPNOTSUPP' });
});

test.each([
  ['truncated', '020000', '3 bytes, expected 4 + 8 per entry'],
  ['truncated in an entry', '0200000001000600ffff', '10 bytes, expected 4 + 8 per entry'],
  ['an unknown tag', '020000000300060000000000', 'unknown entry tag 3'],
  ['an impossible permission', '020000000100080000000000', 'permission 8 in entry 0'],
  ['too long', `02000000${'0200040001000000'.repeat(5000)}`, '5000 entries, at most 4096 expected'],
  ['unsorted', '02000000 20000400ffffffff 01000600ffffffff 04000400ffffffff', 'entry 0 is other, expected user-obj'],
  ['twice the owner', '02000000 01000600ffffffff 01000600ffffffff', 'entry 1 is user-obj, expected user or group-obj'],
  ['no other', '02000000 01000600ffffffff 04000400ffffffff', 'it ends with group-obj, expected other'],
  [
    'something behind other',
    '02000000 01000600ffffffff 04000400ffffffff 20000400ffffffff 20000400ffffffff',
    'entry 3 is other, expected no more',
  ],
  ['no mask', '02000000 01000600ffffffff 02000600e8030000 04000400ffffffff 20000400ffffffff', 'named entries without a mask'],
  ['the id -1', '02000000 01000600ffffffff 02000600ffffffff', 'the id -1 in entry 1'],
])('an invalid attribute: %s', (_, hex, why) => {
  expect(decodeAcl(bytes(hex.replaceAll(' ', '')))).toEqual({ invalid: why, errno: 'EINVAL' });
});

test('the text of star and GNU tar', () => {
  expect(parseAclText('user::rw-,user:app:rw-:1000,group::r--,group:web:r--:50,mask::r--,other::---')).toEqual(ACL);
  expect(parseAclText('user::rw-\nuser:1000:rw-\ngroup::r--\ngroup:50:r--\nmask::r--\nother::---\n')).toEqual(ACL);
  expect(parseAclText('u:app:r--', () => 7)).toEqual([{ tag: 'user', id: 7, perm: 4 }]);
  expect(parseAclText('user:app:r--')).toEqual({ invalid: 'entry "user:app:r--": the id of user "app" is not known' });
  expect(parseAclText('user::rwz')).toEqual({ invalid: 'entry "user::rwz"' });
});

test('who gets what', () => {
  const file = { uid: 0, gid: 20 };
  const ask = (uid: number, groups: readonly number[], want: number) =>
    evaluateAcl(ACL, file, { uid, groups: new Set(groups) }, want);
  expect(ask(0, [], 6)).toEqual({ allowed: true, by: 'owner', grants: 6 });
  expect(ask(1000, [], 4)).toEqual({ allowed: true, by: 'named user 1000', grants: 4, unmasked: 6 });
  expect(ask(1000, [50], 2), 'the mask takes w away').toEqual({ allowed: false, by: 'named user 1000', grants: 4, unmasked: 6 });
  expect(ask(7, [50], 4)).toEqual({ allowed: true, by: 'named group 50', grants: 4 });
  expect(ask(7, [20, 50], 2)).toMatchObject({ allowed: false, by: 'owning group 20' });
  expect(ask(7, [], 4), 'other has nothing').toEqual({ allowed: false, by: 'other', grants: 0 });
});

test('chmod moves the mask, not the owning group', () => {
  const after = aclAfterChmod(ACL, 0o751);
  expect(after.map((entry) => entry.perm)).toEqual([7, 6, 4, 4, 5, 1]);
});
