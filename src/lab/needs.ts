/** What a lab needs and this machine lacks, each with how to get it. */
import { existsSync, readFileSync } from 'node:fs';
import { findProgram } from '../engine/builtin-tools.ts';
import { whyNotIsolated } from '../engine/privileges.ts';
import { whyNoDebian } from './debian.ts';
import { whyNoDisks } from './disks.ts';
import type { Lab, LabNeed } from './lab.ts';
import { whyNoNode } from './node.ts';

export interface MissingNeed {
  readonly need: LabNeed | 'base';
  /** In words: what is missing. */
  readonly why: string;
  /** One line that brings it, or says where it is. */
  readonly get: string;
}

/** Empty = it can run here. */
export async function missingFor(lab: Lab): Promise<readonly MissingNeed[]> {
  const found: MissingNeed[] = [];
  const privileges = whyNotIsolated();
  if (privileges !== undefined)
    found.push({
      need: 'root',
      why: `a lab is a small Linux of its own; ${privileges}`,
      get: 'sudo unroot lab start … (nothing of the machine is changed)',
    });
  const node = whyNoNode();
  if (node !== undefined) found.push({ need: 'base', why: node, get: 'apt-get install -y util-linux mount' });
  const debian = await whyNoDebian();
  if (debian !== undefined) found.push({ need: 'base', why: debian, get: 'apt-get install -y mmdebstrap' });
  for (const need of lab.needs) {
    // Disks of a guest are loop devices of its own kernel.
    const missing = need === 'loop' && lab.needs.includes('qemu') ? undefined : await missingNeed(need);
    if (missing !== undefined && !found.some((one) => one.need === need)) found.push({ need, ...missing });
  }
  return found;
}

async function missingNeed(need: LabNeed): Promise<{ readonly why: string; readonly get: string } | undefined> {
  switch (need) {
    case 'overlay':
      if (readFileSync('/proc/filesystems', 'utf8').includes('\toverlay\n')) return undefined;
      return { why: 'the kernel has no overlay file system', get: 'modprobe overlay' };
    case 'loop':
      return whyNoDisks();
    case 'qemu':
      return whyNoGuest();
    case 'cluster':
      return { why: 'it needs a Kubernetes cluster of yours', get: 'unroot lab start … --context NAME' };
    case 'idmap':
      return existsSync('/proc/self/ns/user') ? undefined : { why: 'the kernel has no user namespaces', get: 'another kernel' };
    // These are in the node, or in the guest it is in.
    case 'root':
    case 'runc':
    case 'strace':
    case 'podman':
    case 'selinux':
      return undefined;
  }
}

/** A kernel of its own: emulated, so that no help of the processor is needed. Its kernel is a package of its system. */
function whyNoGuest(): { readonly why: string; readonly get: string } | undefined {
  if (process.arch !== 'x64') return { why: `the guest is made for x86-64, and this is ${process.arch}`, get: 'another machine' };
  const lacks = [
    ['qemu-system-x86_64', 'qemu-system-x86'],
    ['mke2fs', 'e2fsprogs'],
  ].filter(([name]) => findProgram(name!) === undefined);
  if (lacks.length === 0) return undefined;
  return {
    why: `${lacks.map(([name]) => name).join(' and ')} not installed, for a machine with a kernel of its own`,
    get: `apt-get install -y --no-install-recommends ${lacks.map(([, debian]) => debian).join(' ')}`,
  };
}
