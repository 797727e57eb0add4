/** Empty files shipped in a folder where the user may make them itself: needless, and some programs mind an empty one. */
import type { Fix } from '../finding/fix.ts';

/** A folder of state is the user's as a whole, by another remedy. */
export const isMadeInState = (fix: Fix, others: readonly Fix[]): boolean =>
  fix.id === 'make-beforehand' &&
  others.some(({ id, layer }) => id === 'state-folder' && layer.some(({ path }) => path === fix.subject));
