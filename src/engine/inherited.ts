/** File descriptors we were born with: a child of ours gets them too, and a container must not. runc closes them itself; shells do not. */
import { readdirSync, readFileSync } from 'node:fs';
import { UnrootError } from '../error.ts';
import { findProgram } from './builtin-tools.ts';

const O_CLOEXEC = 0o2000000;

/** Numbers above 2 that a new program would inherit. Node marks its own, and those it finds at its start up to the first gap above 15. */
export function inheritedDescriptors(): readonly number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => {
      if (fd <= 2) return false;
      try {
        const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
        return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
      } catch {
        // The one readdir used.
        return false;
      }
    });
}

/** The command, run without them. Only bash can close descriptors of two and more digits; it is asked for only when there are any. */
export function withoutInherited(argv: readonly string[]): readonly string[] {
  const open = inheritedDescriptors();
  if (open.length === 0) return argv;
  const bash = findProgram('bash');
  if (!bash) {
    throw new UnrootError(`file descriptors ${open.join(', ')} are open here, and the container would inherit them`, {
      code: 'engine.inherited-descriptors',
      hint: 'close them before unroot is started, or: apt-get install -y bash',
    });
  }
  return [bash, '-c', `exec ${open.map((fd) => `${fd}>&-`).join(' ')}; exec "$@"`, 'unroot', ...argv];
}
