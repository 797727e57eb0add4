/** HOME does not exist for the user, or cannot be written: caches and dot files fail. */
import type { Check } from './check.ts';
import { createIn, probePath } from './probe-path.ts';

export const homeNotWritable: Check = {
  id: 'home-not-writable',
  summary: 'The HOME that the user gets is missing or cannot be written.',
  severity: 'info',
  authority: 'runc libcontainer/env.go; crun; CRI-O utils.GeneratePasswd',
  run: (context) => {
    const { target } = context;
    if (target.kind === 'refusal') return [];
    const because = target.because.find((step) => step.field === 'home')?.source ?? `HOME is ${target.home}`;
    if (target.home !== '/' && context.rootFs.resolve(target.home).entry === undefined)
      return [
        {
          id: 'home-not-writable',
          severity: 'info',
          confidence: 'medium',
          message: `HOME is ${target.home}, which does not exist in the image`,
          container: target.name,
          where: { path: target.home },
          evidence: [{ kind: 'derived', text: because }],
        },
      ];
    const finding = probePath(
      context,
      {
        id: 'home-not-writable',
        severity: 'info',
        because,
        confidence: 'low',
        claim: `may not write in its HOME ${target.home}`,
      },
      createIn(target.home),
    );
    return finding ? [finding] : [];
  },
};
