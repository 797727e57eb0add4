/** A program that only asks with access(2) whether it may write, and ends when it may not: what it asks for is granted as if it had been tried. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { WRITE } from '../linux/permission.ts';
import { type FixContext, placeOf } from './context.ts';
import { grantPaths } from './grant-path.ts';
import { gatherNeeds } from './need.ts';

/** Only for denials that the recipient really met, in a run that did not work: many programs ask and never write. */
export function accessAsked(observed: readonly Finding[], context: FixContext): readonly Fix[] {
  const tried = observed.flatMap((finding): Finding[] => {
    const { operation } = finding;
    if (operation?.kind !== 'access') return [];
    const { path, entry } = context.rootFs.resolve(operation.path);
    if (entry === undefined || placeOf(path, context.target).kind !== 'image') return [];
    const writes = (operation.want & WRITE) !== 0;
    if (entry.type !== 'directory') return [{ ...finding, operation: { kind: 'open', path, access: writes ? 'write' : 'read' } }];
    if (!writes) return [{ ...finding, operation: { kind: 'open', path, access: 'read', directory: true } }];
    const inside = { kind: 'open', path: `${path}/.asked`, access: 'write', create: true, exclusive: true } as const;
    return [{ ...finding, operation: inside }];
  });
  return grantPaths(gatherNeeds(tried, context.rootFs), context).fixes;
}
