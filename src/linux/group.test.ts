import { expect, test } from 'vitest';
import { groupById, groupByName, groupsListing, parseGroup } from './group.ts';

const TEXT = `root:x:0:
#off:x:1:app
extra:x:77:app,bob
  web:x:50:bob, app
empty:x:60
extra:x:78:app
odd:x:nan:app
`;

test('first match wins; comments are skipped; members are taken as written', () => {
  const groups = parseGroup(TEXT);
  expect(groupByName(groups, 'extra')?.gid).toBe(77);
  expect(groupByName(groups, '#off')).toBeUndefined();
  expect(groupById(groups, 50)?.members).toEqual(['bob', ' app']);
  expect(groupByName(groups, 'empty')).toEqual({ name: 'empty', gid: 60, members: [], line: 5 });
});

test('every group that lists the member, in file order, also twice and with a broken gid', () => {
  expect(groupsListing(parseGroup(TEXT), 'app').map((one) => one.gid)).toEqual([77, 78, 0]);
  expect(groupsListing(parseGroup(TEXT), 'nobody')).toEqual([]);
});

test('lines up to 1 MiB are read', () => {
  expect(parseGroup(`g:x:1:${'a,'.repeat(100_000)}z\n`).entries[0]?.members).toHaveLength(100_001);
  expect(parseGroup('x'.repeat(1024 * 1024)).failure).toBe('bufio.Scanner: token too long');
});
