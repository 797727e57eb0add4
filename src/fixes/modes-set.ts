/** A program that sets the mode of what is there, and stops when it may not: only the owner may (chmod(2)), so it gets what it sets. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { type FixContext, placeOf } from './context.ts';
import { grantPaths } from './grant-path.ts';
import { gatherNeeds } from './need.ts';

/** Only for denials that the recipient really met, in a run that did not work: most programs set a mode that is there already, and go on. */
export function modesSet(observed: readonly Finding[], context: FixContext): readonly Fix[] {
  const tried = observed.filter(({ operation }) => {
    if (operation?.kind !== 'chmod') return false;
    const { path, entry } = context.rootFs.resolve(operation.path);
    const place = placeOf(path, context.target);
    return entry !== undefined && (place.kind === 'image' || (place.kind === 'volume' && place.copies));
  });
  return grantPaths(gatherNeeds(tried, context.rootFs), context).fixes;
}
