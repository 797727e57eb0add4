/** A layer whose mode says 0600 and whose access control list says otherwise, as each engine's store unpacks it. */
import { describe, expect, it } from 'vitest';
import { CONFIG } from '../../test/support/launch.ts';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { decide } from '../linux/access.ts';
import type { AclEntry } from '../linux/inode.ts';
import { profile } from '../platform/profiles.ts';
import { fileTree } from './file-tree.ts';
import { credentialsOf } from './launch.ts';
import { launchImage } from './launch-image.ts';

const OPEN: readonly AclEntry[] = [
  { tag: 'user-obj', perm: 6 },
  { tag: 'user', id: 77, perm: 6 },
  { tag: 'group-obj', perm: 6 },
  { tag: 'mask', perm: 6 },
  { tag: 'other', perm: 6 },
];
const PLAIN = OPEN.filter(({ tag }) => tag !== 'user' && tag !== 'mask');

function seen(name: 'podman' | 'docker' | 'containerd-2' | 'crio', acl: readonly AclEntry[]) {
  const rootFs = memoryRootFs({ '/bin/app': { content: '', mode: 0o755 }, '/f': { content: '', mode: 0o4600, acl } });
  const launch = launchImage({
    image: { reference: 'x', config: CONFIG, rootFs },
    settings: name === 'podman' || name === 'docker' ? { user: '1000' } : { runAsUser: 1000 },
    profile: profile(name),
  });
  if (launch.kind === 'refusal') throw new Error(launch.message);
  const tree = fileTree(launch, rootFs);
  const node = tree.lookup('/f');
  if (typeof node !== 'object') throw new Error(String(node));
  const { allowed } = decide({ kind: 'open', path: '/f', access: 'write' }, credentialsOf(launch), tree, launch.facts);
  return { mode: node.inode.mode.toString(8), list: node.inode.acl?.map(({ perm }) => perm).join(''), allowed };
}

describe('a list that disagrees with the mode', () => {
  // podman 4.3.1: stat says 666 after podman load.
  it.each(['podman', 'crio'] as const)('%s sets it last', (name) => {
    expect(seen(name, OPEN)).toEqual({ mode: '4666', list: '66666', allowed: true });
    expect(seen(name, PLAIN)).toEqual({ mode: '4666', list: undefined, allowed: true });
  });
  it.each(['docker', 'containerd-2'] as const)('%s sets the mode last', (name) => {
    expect(seen(name, OPEN)).toEqual({ mode: '4600', list: '66600', allowed: false });
    expect(seen(name, PLAIN)).toEqual({ mode: '4600', list: undefined, allowed: false });
  });
});
