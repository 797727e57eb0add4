/** Which capabilities a root process really made use of: what it did that a root without any would have been refused. */
import { hostBinds } from '../engine/host-binds.ts';
import { describeOperation } from '../finding/denied.ts';
import type { RootFs } from '../image/image.ts';
import { fileTree } from '../launch/file-tree.ts';
import { credentialsOf, type Launch } from '../launch/launch.ts';
import { decide } from '../linux/access.ts';
import type { Capability } from '../linux/capability.ts';
import { simulate } from '../linux/simulate.ts';
import type { Trace } from '../trace/event.ts';

/** The same process without a capability. */
const bare = (launch: Launch): ReturnType<typeof credentialsOf> => ({
  ...credentialsOf(launch),
  capabilities: { bounding: [], permitted: [], effective: [], inheritable: [], ambient: [] },
});

/** Each with the first thing that needed it, in words. By the trace of a run with them; only what was done as uid 0 counts. */
export function capabilitiesUsed(trace: Trace, launch: Launch, rootFs: RootFs): ReadonlyMap<Capability, string> {
  const used = new Map<Capability, string>();
  const world = simulate(fileTree(launch, rootFs, { binds: hostBinds(launch) }));
  const who = credentialsOf(launch);
  const without = bare(launch);
  const held = new Set(launch.capabilities.effective);
  for (const { operation, errno, uid, program } of trace.events) {
    if (errno !== undefined) continue;
    if (uid === 0) {
      const { allowed, capability } = decide(operation, without, world, launch.facts);
      if (!allowed && capability !== undefined && held.has(capability) && !used.has(capability))
        used.set(capability, `${program.split('/').pop()} ${describeOperation(operation)}`);
    }
    world.apply(operation, uid === 0 ? who : { ...without, uid }, launch.umask);
  }
  return used;
}
