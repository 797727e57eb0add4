import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Inode } from '../linux/inode.ts';
import { rootIsRight, withFsGroup } from './fs-group.ts';

const inode = (type: Inode['type'], mode: number, gid = 0): Inode => ({ type, uid: 7, gid, mode });
const shown = ({ uid, gid, mode }: Inode): string => `${uid}:${gid} ${mode.toString(8).padStart(4, '0')}`;

describe('the walk for fsGroup', () => {
  it.each<[Inode['type'], number, string, string]>([
    // type, mode before, on a volume that can be written, on one that cannot
    ['file', 0o644, '7:5 0664', '7:5 0644'],
    ['file', 0o600, '7:5 0660', '7:5 0640'],
    ['file', 0o400, '7:5 0660', '7:5 0440'],
    ['file', 0o000, '7:5 0660', '7:5 0440'],
    ['file', 0o700, '7:5 0760', '7:5 0740'],
    ['file', 0o4755, '7:5 4775', '7:5 4755'],
    ['fifo', 0o600, '7:5 0660', '7:5 0640'],
    ['socket', 0o755, '7:5 0775', '7:5 0755'],
    ['directory', 0o755, '7:5 2775', '7:5 2755'],
    ['directory', 0o700, '7:5 2770', '7:5 2750'],
    ['directory', 0o000, '7:5 2770', '7:5 2550'],
    ['directory', 0o1777, '7:5 3777', '7:5 3777'],
    ['symlink', 0o777, '7:5 0777', '7:5 0777'],
  ])('%s %o', (type, mode, writable, readOnly) => {
    expect(shown(withFsGroup(inode(type, mode), 5))).toBe(writable);
    expect(shown(withFsGroup(inode(type, mode), 5, true))).toBe(readOnly);
  });
  it('only adds bits, never x to a file, never another owner; twice is once; and then the root is right', () => {
    const types = ['file', 'directory', 'symlink', 'fifo', 'socket', 'block-device', 'character-device'] as const;
    const any = fc.record({ type: fc.constantFrom(...types), uid: fc.nat(), gid: fc.nat(), mode: fc.nat(0o7777) });
    fc.assert(
      fc.property(any, fc.nat(), fc.boolean(), (before, group, readOnly) => {
        const after = withFsGroup(before, group, readOnly);
        expect(after.uid).toBe(before.uid);
        expect(after.gid).toBe(group);
        expect(after.mode & before.mode).toBe(before.mode);
        if (before.type !== 'directory') expect(after.mode & 0o111).toBe(before.mode & 0o111);
        expect(withFsGroup(after, group, readOnly)).toEqual(after);
        expect(rootIsRight(after, group, readOnly)).toBe(before.type === 'directory');
      }),
    );
  });
});

describe('OnRootMismatch leaves alone', () => {
  it.each<[string, Inode, writable: boolean, readOnly: boolean]>([
    ['what the walk makes', inode('directory', 0o2770, 5), true, true],
    ['more rights', inode('directory', 0o2777, 5), true, true],
    ['what a read-only walk makes: only where that is asked', inode('directory', 0o2750, 5), false, true],
    ['no setgid', inode('directory', 0o770, 5), false, false],
    ['another group', inode('directory', 0o2770, 6), false, false],
    ['a file', inode('file', 0o2770, 5), false, false],
    ['no x for the group', inode('directory', 0o2760, 5), false, false],
  ])('%s', (_, root, writable, readOnly) => {
    expect(rootIsRight(root, 5)).toBe(writable);
    expect(rootIsRight(root, 5, true)).toBe(readOnly);
  });
});
