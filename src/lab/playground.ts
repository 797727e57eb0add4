/** Where a lab's nodes are made and looked at: on this machine, or in a guest with a kernel of its own, for labs that need one. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { processStartTime } from '../engine/proc.ts';
import { evaluate } from './checks/evaluate.ts';
import { digestOf } from './checks/file.ts';
import type { PreparedLab, PrepareOptions } from './environment.ts';
import type { FoundLab } from './find-labs.ts';
import { guestFiles } from './guest/disk.ts';
import { startGuest } from './guest/guest.ts';
import { startGuestNode } from './guest/guest-node.ts';
import type { CheckState, LabCheck } from './lab.ts';
import { type LabNode, startNode } from './node.ts';
import { lookAround, type NodeWorld } from './world.ts';

export interface Playground {
  begin(): Promise<LabNode>;
  evaluate(check: LabCheck, node: LabNode): Promise<CheckState>;
  world(node: LabNode): Promise<NodeWorld>;
  /** When its nodes are gone. */
  close(): Promise<void>;
}

/** Of a lab that needs `loop`. */
const DISKS = 2;

/** A guest is started here, once for all nodes of a session. */
export async function openPlayground(found: FoundLab, prepared: PreparedLab, options: PrepareOptions): Promise<Playground> {
  const { lab } = found;
  const files = join(found.folder, 'files');
  const disks = lab.needs.includes('loop') ? DISKS : 0;
  const setup = lab.setup === undefined ? {} : { setup: lab.setup };
  const signal = options.signal ? { signal: options.signal } : {};
  const unchanged = lab.steps
    .flatMap(({ checks }) => checks)
    .flatMap((check) => (check.kind === 'file' && check.unchanged === true ? [check.path] : []));
  if (!lab.needs.includes('qemu')) {
    let before: ReadonlyMap<string, string> = new Map();
    return {
      async begin() {
        const node = await startNode({
          cacheFolder: prepared.cacheFolder,
          lower: prepared.lower,
          images: prepared.images,
          program: prepared.program,
          tools: prepared.tools.folder,
          disks,
          ...(existsSync(files) ? { files } : {}),
          ...setup,
          ...signal,
        });
        before = new Map(unchanged.map((path) => [path, digestOf(node.root, path)]));
        return node;
      },
      evaluate: (check, node) => evaluate(check, { node, tools: prepared.tools, before }),
      world: async (node) => lookAround(node),
      close: async () => {},
    };
  }
  const system = await guestFiles(prepared.lower, prepared.tools.folder, {
    cacheFolder: prepared.cacheFolder,
    onProgress: options.onProgress,
    signal: options.signal,
  });
  options.onProgress?.('Starting a guest with a kernel of its own (15 s to a minute)');
  const guest = await startGuest({
    files: system,
    payload: new Map([
      ['program', prepared.program],
      ['files', files],
      ...[...prepared.images].map(([name, folder]) => [`images/${name}`, folder] as const),
    ]),
    // A node's sweep of what killed players left takes it too: beside theirs, with the same name.
    home: join(
      prepared.cacheFolder,
      'run',
      `${process.pid}.${processStartTime(process.pid) ?? 0}.${randomBytes(4).toString('hex')}`,
    ),
    selinux: lab.needs.includes('selinux'),
    ...signal,
  });
  const ask = <T>(node: LabNode, what: 'evaluate' | 'world', value?: unknown): Promise<T> => node.guest!.ask<T>(what, value);
  return {
    begin: () => startGuestNode(guest, { disks, unchanged, ...setup }, prepared.program),
    // What cannot be asked is red, with the reason, as what cannot be looked at.
    evaluate: (check, node) =>
      ask<CheckState>(node, 'evaluate', check).catch((error: Error) => ({
        says: check.says,
        green: false,
        detail: `it could not be looked at: ${error.message}`,
      })),
    world: (node) => ask<NodeWorld>(node, 'world'),
    close: () => guest.end(),
  };
}
