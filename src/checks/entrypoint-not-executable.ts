/** The entrypoint cannot be executed, or as a script cannot be read, by the user. */
import type { Check } from './check.ts';
import { probePath } from './probe-path.ts';

export const entrypointNotExecutable: Check = {
  id: 'entrypoint-not-executable',
  summary: 'The user may not execute the entrypoint, or not read the script that it is.',
  severity: 'error',
  authority: 'execve(2), path_resolution(7)',
  run: (context) => {
    const { target } = context;
    if (target.kind === 'refusal' || target.executable === undefined) return [];
    const id = 'entrypoint-not-executable';
    const exec = probePath(
      context,
      {
        id,
        severity: 'error',
        because: `the entrypoint is ${target.executable}`,
        claim: `may not execute the entrypoint ${target.executable}`,
      },
      { kind: 'exec', path: target.executable },
    );
    if (exec) return [exec];
    // The kernel hands a script to its interpreter by name, which must be able to open it; a binary need not be readable.
    const because = `${target.executable} is executable but not readable: fine for a binary, fatal for a script`;
    const read = probePath(
      context,
      { id, severity: 'warning', because, confidence: 'medium', claim: `may not read the entrypoint ${target.executable}` },
      { kind: 'open', path: target.executable, access: 'read' },
    );
    return read ? [read] : [];
  },
};
