/** The five capability sets of a running process, and what they become when it executes a file: the file's bits are read, the rest is the kernel's rule. */
import { UnrootError } from '../../../error.ts';
import { modeText } from '../../../explain/access-class.ts';
import { transitionOnExecve } from '../../../linux/execve.ts';
import { askerOf } from './asker.ts';
import { followIn, liveTree } from './live-tree.ts';
import type { ExecPicture } from './picture.ts';

/** Throws `lab.path` when there is no such file in the process's tree. */
export function drawExec(proc: string, pid: number, path: string): ExecPicture {
  const { credentials, command } = askerOf(proc, pid);
  const real = path.startsWith('/') && !path.includes('\0') ? followIn(liveTree(`${proc}/${pid}`), path) : undefined;
  const node = real === undefined ? undefined : liveTree(`${proc}/${pid}`, [real]).lookup(real);
  if (real === undefined || typeof node !== 'object' || node.inode.type !== 'file')
    throw new UnrootError(`There is no file ${path}`, { code: 'lab.path', expected: 'the absolute path of a program' });
  const { mode, uid, gid, fileCapabilities } = node.inode;
  const result = transitionOnExecve(credentials, {
    mode,
    uid,
    gid,
    ...(fileCapabilities === undefined ? {} : { fileCapabilities }),
    ...(node.noSuid === true ? { noSuid: true } : {}),
  });
  return {
    pid,
    command,
    uid: credentials.uid,
    before: credentials.capabilities,
    noNewPrivileges: credentials.noNewPrivileges,
    file: {
      path: real,
      mode: modeText(node.inode),
      uid,
      gid,
      ...(fileCapabilities === undefined ? {} : { capabilities: fileCapabilities }),
    },
    ...(result.kind === 'runs' ? { after: { uid: result.uid, capabilities: result.capabilities } } : { errno: result.errno }),
    steps: result.steps,
  };
}
