/** The kernel's settings as a plain machine has them, for tests of the access rules that ask no kernel. */
import type { KernelFacts } from '../../src/linux/decision.ts';

export const FACTS: KernelFacts = {
  unprivilegedPortStart: 1024,
  pingGroupRange: [1, 0],
  protectedRegular: 1,
  protectedFifos: 1,
  protectedHardlinks: 1,
  protectedSymlinks: 1,
};
