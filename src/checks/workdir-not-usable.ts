/** The working directory cannot be entered (error) or not be written (information) by the user. */
import type { Check } from './check.ts';
import { createIn, probePath } from './probe-path.ts';

export const workdirNotUsable: Check = {
  id: 'workdir-not-usable',
  summary: 'The user may not enter, or not write in, the working directory.',
  severity: 'warning',
  authority: 'path_resolution(7); the runtime creates a missing WORKDIR as root 0755',
  run: (context) => {
    const { target } = context;
    if (target.kind === 'refusal') return [];
    const enter = probePath(
      context,
      {
        id: 'workdir-not-usable',
        severity: 'error',
        because: `WORKDIR is ${target.cwd}`,
        claim: `may not enter the working directory ${target.cwd}`,
      },
      { kind: 'chdir', path: target.cwd },
    );
    if (enter) return [enter];
    if (target.cwd === '/') return [];
    const write = probePath(
      context,
      {
        id: 'workdir-not-usable',
        severity: 'info',
        because: `WORKDIR is ${target.cwd}`,
        confidence: 'low',
        claim: `may not write in the working directory ${target.cwd}`,
      },
      createIn(target.cwd),
    );
    return write ? [write] : [];
  },
};
